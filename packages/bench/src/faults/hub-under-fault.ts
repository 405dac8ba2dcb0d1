/** A hub of any kind whose parts can be harmed one by one and come back: its nodes behind a front door, each with a wire of its own to the backbone. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describeHub } from "../drivers/hub-description.ts";
import { formatHubId, type HubSpec } from "../drivers/hub-id.ts";
import { type HubProgram, READY_WITHIN_MS, type StartedProgram, startProgram } from "../drivers/hub-program.ts";
import type { ProcessCare } from "../machine/index.ts";
import { durabilityRefusal, provisionNats, provisionRedis, satisfies, type ServerSources } from "../provisioning/index.ts";
import { type Fault, type FaultTargets, partOf } from "./fault-plan.ts";
import { FaultProxy } from "./fault-proxy.ts";
import { FrontDoor } from "./front-door.ts";
import { PausedProcesses } from "./paused-processes.ts";
import { RestartableServer } from "./restartable-server.ts";

/** What an acknowledgement must survive here: less would make some faults a licence to lose. */
const DURABILITY = "fsync";
const LOOK_EVERY_MS = 20;

export interface HubUnderFaultOptions {
  spec: HarmableSpec;
  care: ProcessCare;
  sources: ServerSources;
  /** Of a sharded hub; the single one has none. */
  leaseMs: number;
}

export type HarmableSpec = Exclude<HubSpec, { kind: "external" }>;

/** In words, why faults cannot be made to happen to this hub. */
export function unharmable(spec: HubSpec): string | undefined {
  if (spec.kind === "external") return "faults kill and stop the programs of a hub: 'external' is not ours to harm";
  if (spec.kind === "sharded" && spec.servers > 1) {
    return `'${formatHubId(spec)}': faults know one backbone server; use sharded-${spec.backbone}@${spec.nodes}`;
  }
  return undefined;
}

/** The one server of a sharded hub. */
interface Backbone {
  engine: "redis" | "nats";
  server: RestartableServer;
  /** Of node i. */
  wires: FaultProxy[];
}

export class HubUnderFault {
  readonly door: FrontDoor;
  readonly #options: HubUnderFaultOptions;
  readonly #backbone: Backbone | null;
  readonly #folder: string;
  readonly #namespace = `faults-${randomBytes(4).toString("hex")}`;
  readonly #nodes: StartedProgram[] = [];
  /** The last fault of each part. */
  readonly #struck = new Map<string, Promise<void>>();

  /** Resolves when the door passes connections to every node. Rejects when the hub cannot be had, or keeps less than it must. */
  static async start(options: HubUnderFaultOptions): Promise<HubUnderFault> {
    const hub = new HubUnderFault(options, await startBackbone(options), await FrontDoor.open([]));
    try {
      const { nodes } = hub.targets;
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

  private constructor(options: HubUnderFaultOptions, backbone: Backbone | null, door: FrontDoor) {
    this.#options = options;
    this.#backbone = backbone;
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
    const part = partOf(fault) ?? "";
    const before = (part !== "" && this.#struck.get(part)) || Promise.resolve();
    const struck = before.then(() => {
      onBegin();
      return this.#harm(fault);
    });
    this.#struck.set(part, struck);
    return struck;
  }

  async #harm(fault: Fault): Promise<void> {
    switch (fault.kind) {
      case "kill-node": {
        const { process, ready } = this.#node(fault.node);
        process.signal("SIGKILL");
        await process.ended;
        await sleep(fault.downMs);
        for (const http of ready.http) this.door.remove(http);
        await this.#startNode(fault.node, READY_WITHIN_MS);
        return;
      }
      case "pause-node": {
        const paused = PausedProcesses.of([this.#node(fault.node).process.pid]);
        await sleep(fault.forMs);
        paused.resume();
        return;
      }
      case "cut-off-node": {
        const wire = this.#backbone?.wires[fault.node];
        wire?.partition();
        await sleep(fault.forMs);
        wire?.heal();
        return;
      }
      case "restart-backbone":
        await this.#backbone?.server.kill();
        await sleep(fault.downMs);
        await this.#backbone?.server.restart();
        return;
      case "reconnect-storm":
        this.door.cutAll();
    }
  }

  /** Ends the programs and removes their data. */
  async stop(): Promise<void> {
    const { care } = this.#options;
    await this.door.close();
    await Promise.all(this.#nodes.map(({ process }) => process.stop()));
    if (this.#backbone) {
      await Promise.all(this.#backbone.wires.map((wire) => wire.close()));
      await this.#backbone.server.stop();
      care.removeFolder(this.#backbone.server.keptFolder);
    }
    care.removeFolder(this.#folder);
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
        const options = { care, log: this.#folder, readyWithinMs: READY_WITHIN_MS };
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
        const args = ["--profile", spec.profile, ...fixes, "--data", join(this.#folder, "data"), ...common];
        return { name: "hub", program: "hub-single", args };
      }
      case "sharded": {
        const { engine, server, wires } = this.#backbone as Backbone;
        const place = [`--${engine}`, `${engine}://127.0.0.1:${wires[index]?.port}`];
        const monitor = engine === "nats" ? ["--nats-monitor", server.monitorUrl] : [];
        const own = ["--node", `n${index + 1}`, "--namespace", this.#namespace, "--lease-ms", String(leaseMs)];
        return {
          name: `hub node ${index + 1}`,
          program: "hub-sharded",
          args: ["--backbone", engine, ...place, ...monitor, "--durability", DURABILITY, ...own, ...common],
        };
      }
    }
  }

  /** The null hub keeps nothing, and is there to be caught at it. */
  async #checkDurability(): Promise<void> {
    if (this.#options.spec.kind === "null") return;
    const http = this.#nodes.flatMap(({ ready }) => ready.http);
    const { durability } = await describeHub({ id: this.id, http, servers: [], required: DURABILITY });
    if (satisfies(durability.verified, DURABILITY)) return;
    const { message, nextStep } = durabilityRefusal(this.id, durability, DURABILITY);
    throw new Error(`${message}; ${nextStep}`);
  }
}

export function targetsOf(spec: HarmableSpec): FaultTargets {
  return spec.kind === "sharded" ? { nodes: spec.nodes, hasBackbone: true } : { nodes: 1, hasBackbone: false };
}

/** A server of our own, always: one that is named by its URL is somebody's. */
async function startBackbone({ spec, care, sources }: HubUnderFaultOptions): Promise<Backbone | null> {
  if (spec.kind !== "sharded") return null;
  const provision = spec.backbone === "redis" ? provisionRedis : provisionNats;
  const own = { ...sources, origins: sources.origins.filter((origin) => origin === "path" || origin === "debian") };
  const request = { care, sources: own, durability: DURABILITY } as const;
  const server = await RestartableServer.start(care, (place) => provision({ ...request, ...place }));
  const wire = () => FaultProxy.listen({ host: "127.0.0.1", port: server.port });
  return { engine: spec.backbone, server, wires: await Promise.all(Array.from({ length: spec.nodes }, wire)) };
}
