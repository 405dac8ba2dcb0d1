/** A hub of any kind whose parts can be harmed one by one and come back: its nodes behind a front door, and the servers that they use. */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DurabilityLevel } from "@hubscale/hub-runtime";
import { serversRefusal } from "../drivers/backbone-servers.ts";
import { describeHub } from "../drivers/hub-description.ts";
import { formatHubId, type HubSpec } from "../drivers/hub-id.ts";
import { type HubProgram, type Launcher, READY_WITHIN_MS, type StartedProgram, startProgram } from "../drivers/hub-program.ts";
import type { ManagedProcess, ProcessCare } from "../machine/index.ts";
import { durabilityRefusal, satisfies, type ServerSources } from "../provisioning/index.ts";
import { BackboneUnderFault } from "./backbone-under-fault.ts";
import { type Fault, type FaultKind, type FaultTargets, meet, partOf } from "./fault-plan.ts";
import { FrontDoor } from "./front-door.ts";
import { LosableDisk } from "./losable-disk.ts";
import { PausedProcesses } from "./paused-processes.ts";
import type { RestartableServer } from "./restartable-server.ts";
import { SlowSyncs, slowSyncsProblem } from "./slow-syncs.ts";

const LOOK_EVERY_MS = 20;
/** Of the connections, every third one is stuck when some are. */
const STUCK_NTH = 3;

export interface HubUnderFaultOptions {
  spec: HarmableSpec;
  care: ProcessCare;
  sources: ServerSources;
  /** Of a sharded hub; the single one has none. */
  leaseMs: number;
  /** Required of every store, and read back: what an acknowledgement must survive. */
  durability: DurabilityLevel;
  /** What will happen to it: some kinds need it to be started in a way that costs the others something. */
  kinds: readonly FaultKind[];
}

export type HarmableSpec = Exclude<HubSpec, { kind: "external" }>;

/** In words, why faults cannot be made to happen to this hub. */
export function unharmable(spec: HubSpec): string | undefined {
  if (spec.kind === "external") return "faults kill and stop the programs of a hub: 'external' is not ours to harm";
  const refusal = spec.kind === "sharded" ? serversRefusal(spec, {}) : undefined;
  if (refusal) return `'${formatHubId(spec)}': ${refusal.message}; ${refusal.nextStep}`;
  return undefined;
}

/** Why this machine cannot make faults of these kinds happen, with the next step. */
export function unavailableKinds(kinds: readonly FaultKind[]): string[] {
  const problems: [of: readonly FaultKind[], problem: string | undefined][] = [
    [["slow-disk"], slowSyncsProblem()],
    [DISK_OF_ITS_OWN, LosableDisk.problem()],
  ];
  return problems.flatMap(([of, problem]) => {
    const wanted = kinds.filter((kind) => of.includes(kind));
    return problem !== undefined && wanted.length > 0 ? [`${wanted.join(", ")}: ${problem}`] : [];
  });
}

/** These take a disk away or fill it: it must be none that anybody else uses. */
const DISK_OF_ITS_OWN: readonly FaultKind[] = ["full-disk", "lose-power"];

export class HubUnderFault {
  readonly door: FrontDoor;
  readonly #options: HubUnderFaultOptions;
  readonly #backbone: BackboneUnderFault | null;
  /** Of each server, or of the one node that keeps the tasks itself; none: no fault needs it. */
  readonly #disks: readonly LosableDisk[];
  readonly #folder: string;
  readonly #namespace = `faults-${randomBytes(4).toString("hex")}`;
  readonly #nodes: StartedProgram[] = [];
  /** The last fault of each part. */
  readonly #struck = new Map<string, Promise<void>>();

  /** Resolves when the door passes connections to every node. Rejects when the hub cannot be had, or keeps less than it must. */
  static async start(options: HubUnderFaultOptions): Promise<HubUnderFault> {
    const { spec, care, kinds } = options;
    const needsDisk = kinds.some((kind) => DISK_OF_ITS_OWN.includes(kind));
    const { nodes, servers } = targetsOf(spec);
    const disks = needsDisk ? await LosableDisk.mountAll(Math.max(servers, 1), care) : [];
    const start = spec.kind === "sharded" ? { ...options, engine: spec.backbone, servers, nodes, disks } : null;
    const backbone =
      start &&
      (await BackboneUnderFault.start(start).catch((error: unknown) => {
        for (const disk of disks) disk.release();
        throw error;
      }));
    const hub = new HubUnderFault(options, { backbone, disks, door: await FrontDoor.open([]) });
    try {
      await Promise.all(Array.from({ length: nodes }, (_, index) => hub.#startNode(index, 0)));
      const limitMs = performance.now() + READY_WITHIN_MS;
      while (hub.door.healthy.length < nodes) {
        if (performance.now() > limitMs) throw new Error(`${hub.id}: not all nodes answer within ${READY_WITHIN_MS / 1_000} s`);
        await sleep(LOOK_EVERY_MS);
      }
      await hub.#checkDurability();
      return hub;
    } catch (error) {
      await hub.stop();
      throw error;
    }
  }

  private constructor(
    options: HubUnderFaultOptions,
    { backbone, disks, door }: { backbone: BackboneUnderFault | null; disks: readonly LosableDisk[]; door: FrontDoor },
  ) {
    this.#options = options;
    this.#backbone = backbone;
    this.#disks = disks;
    this.#folder = options.care.temporaryFolder("faults");
    this.door = door;
  }

  get id(): string {
    return formatHubId(this.#options.spec);
  }

  get targets(): FaultTargets {
    return targetsOf(this.#options.spec);
  }

  /**
   * Harms, waits, heals; resolves when the part is whole again, as far as its programs go. Waits first for an earlier fault of the
   * same part, and says when it begins.
   */
  strike(fault: Fault, onBegin: () => void): Promise<void> {
    const part = partOf(fault);
    const before = [...this.#struck].flatMap(([other, struck]) => (part !== null && meet(part, other) ? [struck] : []));
    const struck = Promise.all(before).then(() => {
      onBegin();
      return this.#harm(fault);
    });
    if (part !== null) this.#struck.set(part, struck);
    return struck;
  }

  async #harm(fault: Fault): Promise<void> {
    switch (fault.kind) {
      case "kill-node": {
        const { process } = this.#node(fault.node);
        process.signal("SIGKILL");
        await process.ended;
        await sleep(fault.downMs);
        await this.#startAgain(fault.node);
        return;
      }
      case "pause-node": {
        const paused = PausedProcesses.of([this.#node(fault.node).process.pid]);
        await sleep(fault.forMs);
        paused.resume();
        return;
      }
      case "cut-off-node": {
        const heal = this.#backbone?.cutOff({ node: fault.node });
        await sleep(fault.forMs);
        heal?.();
        return;
      }
      case "restart-backbone": {
        const server = this.#server(fault);
        await server?.kill();
        await sleep(fault.downMs);
        await server?.restart();
        await this.#backbone?.whole();
        return;
      }
      case "cut-off-server": {
        const heal = this.#backbone?.cutOff({ server: fault.server });
        await sleep(fault.forMs);
        heal?.();
        await this.#backbone?.whole();
        return;
      }
      case "reconnect-storm":
        this.door.cutAll();
        return;
      case "stuck-clients": {
        const release = this.door.stall(STUCK_NTH);
        await sleep(fault.forMs);
        release();
        return;
      }
      case "jump-clock": {
        // The node may have been killed meanwhile: then its clock is right already.
        const { process } = this.#node(fault.node);
        this.#setClock(process, fault.byMs);
        await sleep(fault.forMs);
        this.#setClock(process, 0);
        return;
      }
      case "slow-disk": {
        const { care } = this.#options;
        const pid = this.#server(fault)?.pid ?? this.#node(0).process.pid;
        const slow = await SlowSyncs.of(pid, fault.delayMs, { care, log: this.#folder });
        await sleep(fault.forMs);
        await slow.end();
        await this.#backbone?.whole();
        return;
      }
      case "full-disk": {
        const disk = this.#disks[fault.server ?? 0];
        await disk?.fill();
        await sleep(fault.forMs);
        disk?.empty();
        await this.#startWhatEnded();
        return;
      }
      case "lose-power": {
        const processes = this.#nodes.map(({ process }) => process);
        for (const process of processes) process.signal("SIGKILL");
        await Promise.all([this.#backbone?.kill(), ...processes.map(({ ended }) => ended)]);
        await Promise.all(this.#disks.map((disk) => disk.losePower()));
        await sleep(fault.downMs);
        await this.#backbone?.restart();
        await Promise.all(this.#nodes.map((_, index) => this.#startAgain(index)));
      }
    }
  }

  /** As whatever looks after programs would, once there is room for their data again. */
  async #startWhatEnded(): Promise<void> {
    if (this.#backbone) await this.#backbone.whole();
    else if (!this.#node(0).process.alive) await this.#startAgain(0);
  }

  async #startAgain(index: number): Promise<void> {
    for (const http of this.#node(index).ready.http) this.door.remove(http);
    await this.#startNode(index, READY_WITHIN_MS);
  }

  #setClock(process: ManagedProcess, offsetMs: number): void {
    writeFileSync(this.#clockFile, String(offsetMs));
    process.signal("SIGUSR2");
  }

  get #clockFile(): string {
    return join(this.#folder, "clock-offset-ms");
  }

  /** A node whose clock will jump runs with one that can. */
  get #launcher(): Launcher | undefined {
    if (!this.#options.kinds.includes("jump-clock")) return undefined;
    const clock = new URL("./jumping-clock.js", import.meta.url);
    clock.searchParams.set("file", this.#clockFile);
    return { command: process.execPath, args: ["--import", clock.href] };
  }

  /** Ends the programs and removes their data. */
  async stop(): Promise<void> {
    const { care } = this.#options;
    await this.door.close();
    await Promise.all(this.#nodes.map(({ process }) => process.stop()));
    await this.#backbone?.stop();
    for (const disk of this.#disks) disk.release();
    care.removeFolder(this.#folder);
  }

  /** Which the fault hits; undefined: the hub has none. */
  #server({ server = 0 }: { server?: number }): RestartableServer | undefined {
    return this.#backbone?.server(server);
  }

  #node(index: number): StartedProgram {
    const node = this.#nodes[index];
    if (!node) throw new Error(`${this.id} has no node ${index + 1}`);
    return node;
  }

  /** Tries again for `againForMs`, as whatever looks after programs would: a node whose backbone is away when it starts ends. */
  async #startNode(index: number, againForMs: number): Promise<void> {
    const { care } = this.#options;
    const limitMs = performance.now() + againForMs;
    for (;;) {
      try {
        const options = { care, log: this.#folder, readyWithinMs: READY_WITHIN_MS, launcher: this.#launcher };
        const node = await startProgram(this.#program(index), options);
        this.#nodes[index] = node;
        for (const http of node.ready.http) this.door.add(http);
        return;
      } catch (error) {
        if (care.ending || performance.now() > limitMs) throw error;
        await sleep(LOOK_EVERY_MS);
      }
    }
  }

  #program(index: number): HubProgram {
    const { spec, leaseMs } = this.#options;
    const common = ["--port", "0", "--rate-limits", "off", "--drain-ms", "0"];
    switch (spec.kind) {
      case "null":
        return { name: "null hub", program: "null-hub", args: ["--port", "0"] };
      case "single": {
        const fixes = spec.fixes.length > 0 ? ["--fix", spec.fixes.join(",")] : [];
        const args = [
          "--profile",
          spec.profile,
          ...fixes,
          "--data",
          join(this.#disks[0]?.folder ?? this.#folder, "data"),
          ...common,
        ];
        return { name: "hub", program: "hub-single", args };
      }
      case "sharded": {
        const backbone = this.#backbone?.flagsOf(index) ?? [];
        const own = ["--node", `n${index + 1}`, "--namespace", this.#namespace, "--lease-ms", String(leaseMs)];
        return {
          name: `hub node ${index + 1}`,
          program: "hub-sharded",
          args: [...backbone, ...own, ...common],
        };
      }
    }
  }

  /** The null hub keeps nothing, and is there to be caught at it. */
  async #checkDurability(): Promise<void> {
    const { spec, durability: required } = this.#options;
    if (spec.kind === "null") return;
    const http = this.#nodes.flatMap(({ ready }) => ready.http);
    const { durability } = await describeHub({ id: this.id, http, servers: [], required });
    if (satisfies(durability.verified, required)) return;
    const { message, nextStep } = durabilityRefusal(this.id, durability, required);
    throw new Error(`${message}; ${nextStep}`);
  }
}

export function targetsOf(spec: HarmableSpec): FaultTargets {
  if (spec.kind === "sharded") return { nodes: spec.nodes, store: "backbone", servers: spec.servers };
  return { nodes: 1, store: spec.kind === "single" ? "node" : "none", servers: 0 };
}
