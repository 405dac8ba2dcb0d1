/** Brings one hub to the start line: its processes, its durability, its generator with all agents connected. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Tokens } from "@hubscale/sidecar-sim";
import { type HubPlacement, startHub, type HubSpec, type RunningHub } from "../drivers/index.ts";
import type { CpuIsolation } from "../isolation/cpu-quota.ts";
import { machineCpuSeconds, type ProcessCare, startSpeedometer } from "../machine/index.ts";
import type { Slo } from "../measure/slo.ts";
import type { ServerSources } from "../provisioning/index.ts";
import { longWorkMs, type Workload } from "../workload/workload.ts";
import { appliedSlo } from "./applied-slo.ts";
import { type Entrant, refusedHub } from "./entrant.ts";
import { favour, forkGenerator, type GeneratorChannel } from "../load/generator-channel.ts";
import { GeneratorProcess } from "../load/generator-process.ts";
import { GeneratedLoad } from "./generated-load.ts";
import { HeldGenerator } from "./held-generator.ts";
import { measuredHub } from "./measured-hub.ts";
import { fillQueue } from "./standing-queue.ts";
import { warmUp } from "./warm-up.ts";

export interface EntryOptions {
  spec: HubSpec;
  id: string;
  care: ProcessCare;
  sources: ServerSources;
  isolation: CpuIsolation;
  coresPerMachine: number | null;
  workload: Workload;
  slo: Slo;
  seed: number;
  durability: "fsync" | "process";
  /** 0: the disk as it is. */
  fsyncFloorMs: number;
  shards?: number;
  /** The hub's data folder, used as it is found; default: a new one. */
  keptFolder?: string;
  /** Further flags of the hub's programs. */
  edgeFlags?: readonly string[];
  external?: ExternalHub;
  /** Other machines for its programs and servers. Default: this one. */
  placement?: HubPlacement;
  /** Another machine for its load. Default: this one. */
  openGenerator?: () => Promise<GeneratorChannel>;
  tell(line: string): void;
}

/** Where `external` is, and who we are there. */
export interface ExternalHub {
  ws: string;
  http: string;
  /** Its processes, where they are on this machine; empty: their CPU is not known. */
  pids: readonly number[];
  /** Agents are called so; their tokens are known, or they are registered. */
  prefix: string;
  known: Tokens;
  /** Tokens that the hub has given out: it gives them only once. */
  keep(tokens: Tokens): Promise<void>;
}

/** Rejects when the hub fails to start or its server cannot be had; a hub that keeps less than required is refused with the reason. */
export async function enterHub(options: EntryOptions): Promise<Entrant> {
  const { id, care, external, workload, slo, seed, tell } = options;
  const started = await startHub(options.spec, {
    care,
    sources: options.sources,
    durability: options.durability,
    seedCompletedRows: workload.completed_rows,
    fsyncFloorMs: options.fsyncFloorMs,
    ...(options.shards !== undefined && { shards: options.shards }),
    ...(options.keptFolder !== undefined && { keptFolder: options.keptFolder }),
    ...(options.edgeFlags && { edgeFlags: options.edgeFlags }),
    ...(external && { target: external }),
    ...(options.placement && { placement: options.placement }),
    tell,
  });
  if (!started.ok) {
    const { code, message, nextStep } = started.refusal;
    if (code === "no_server") throw new Error(`${id}: ${message}; ${nextStep}, or leave this hub out with --hubs`);
    const durability = { required: options.durability, verified: "unknown", how: message };
    return { ready: false, refused: refusedHub(id, `${message}; ${nextStep}`, durability) };
  }
  const { hub } = started;
  const { durability, unknown } = await hub.describe();
  const prefix = external?.prefix ?? `agent-${seed}`;
  const openGenerator = async () => {
    const process = new GeneratorProcess(
      { phase: () => undefined, note: tell },
      await (options.openGenerator ?? generatorHere)(),
    );
    care.atEnd(() => process.kill());
    return process;
  };
  const generator = await GeneratedLoad.start({
    ws: hub.ws,
    http: hub.http,
    workload,
    graceMs: appliedSlo({ slo, coresPerMachine: options.coresPerMachine }).boundMs + longWorkMs(workload),
    seed,
    prefix,
    ...(external && { known: external.known }),
    openGenerator,
  });
  await external?.keep(generator.tokens);
  await fillQueue(hub.http, workload.queued_tasks ?? 0, `${prefix}-queue`);
  const measured = measuredHub(hub, id);
  return {
    ready: true,
    hub: measured,
    generator,
    ...(!external &&
      !options.placement &&
      !options.openGenerator && { machine: { cpuSeconds: machineCpuSeconds, startSpeedometer } }),
    durability: { required: durability.required, verified: durability.verified ?? "unknown", how: durability.how },
    warmUp: (plan) =>
      warmUp(generator, measured, {
        mostInFlight: Math.min(external ? IN_FLIGHT_UNSEEN : WARM_UP_IN_FLIGHT, workload.agents),
        seed,
        plan,
        sleep,
      }),
    applyQuotas: (cores = options.coresPerMachine ?? undefined) => {
      if (cores !== undefined) applyQuotas(hub, id, options.isolation, cores);
    },
    hold: (plan) =>
      HeldGenerator.start({
        plan,
        ws: hub.ws,
        http: hub.http,
        prefix: `${prefix}-${plan.load}`,
        agents: TALKING_AGENTS,
        seed,
        openGenerator,
      }),
    unknown,
    stop: () => hub.stop(),
  };
}

/** Between whom messages go. */
const TALKING_AGENTS = 20;
/** So many that a fast hub is kept busy: its code is compiled by the number of its tasks. */
const WARM_UP_IN_FLIGHT = 32;
/** Of a hub that does not tell what it puts off. */
const IN_FLIGHT_UNSEEN = 8;

async function generatorHere(): Promise<GeneratorChannel> {
  const generator = forkGenerator();
  favour(generator);
  return generator;
}

/** Every process is a machine of its own in the scale model: each node, each server. */
function applyQuotas(hub: RunningHub, id: string, isolation: CpuIsolation, cores: number): void {
  for (const [role, pids] of hub.roles) {
    for (const [i, pid] of pids.entries()) isolation.limit(`${id}-${role}-${i}`, [pid], cores);
  }
}
