/**
 * The walls of a fleet and its hub: what is met when, as agents are added everywhere in proportion. Those that tasks queue for come
 * from the asymptotes of the network; the others from a rule of their own. Values only; the intervals come from drawing the factors.
 */
import { AS_GIVEN, type FleetFactors } from "../closed-form/fleet-factors.ts";
import { type AgentClass, fleetNetwork } from "../closed-form/fleet-network.ts";
import { endpointOf } from "../closed-form/gpu-round.ts";
import { hubDemand, hubInUse, scanMsPerRow, SYNCS_PER_FRAME } from "../closed-form/hub-demand.ts";
import { GRAPH_BYTES, totalVramBytes } from "../ollama-settings.ts";
import { asymptotesOf, unhinderedPerMs } from "./asymptotes.ts";
import type { FleetInput, Wall } from "./fleet-decision.ts";
import { agentsOf, type HostKind } from "./fleet-shape.ts";
import { apiDemand } from "../closed-form/api-demand.ts";
import { fractionsOf } from "./task-profile.ts";

/** A wall whose figures are not yet intervals. */
export interface WallValue extends Omit<Wall, "busyAgents" | "tasksPerHour"> {
  /** The present agents times this; null: not by agents. */
  factor: number | null;
}

export interface WallValues {
  walls: WallValue[];
  agents: number;
  /** Of the present agents, if none waited. */
  unhinderedPerHour: number;
}

/** DETS: most bytes of a file, and its growth for a row of 2.2 KB (`bench calibrate dets`, recorded 2026-11-24, OTP 25). */
const DETS_LIMIT_BYTES = 2 ** 31;
const DETS_BYTES_PER_ROW = 3_812;
/** Frames of the reference's rate limits for one agent, and submissions of one submitter. */
const FRAMES_PER_MIN = 60;
const SUBMISSIONS_PER_MIN = 10;
/** Server CPU of one small WebSocket frame, Node 20 on a shared Xeon core, measured as echo of 200 bytes: 11 to 13 µs each way. */
const FRAME_SEND_MS = 0.012;
/** A reconnect of all agents should be over by then: half of the time after which a silent agent is evicted is left for the rest. */
const RECONNECT_WITHIN_MS = 30_000;
/** Open files of one process, where the machine's limit is 20,000: 18,000 connections held in a test. */
const CONNECTIONS_OF_A_NODE = 18_000;
const HOURS_PER_DAY = 24;
const MS_PER_HOUR = 3_600_000;

export function wallValues(input: FleetInput, factors: FleetFactors = AS_GIVEN): WallValues {
  const network = fleetNetwork(input, factors);
  const agents = agentsOf(input.fleet);
  const perMs = unhinderedPerMs(network);
  const unhinderedPerHour = perMs * MS_PER_HOUR;
  const queued = asymptotesOf(network)
    .filter(({ name }) => name !== "hub")
    .map(({ name, kind, factor }) =>
      wall({ id: name.replaceAll(" ", "-"), name, factor, ...(OWN_RULES[name] ?? RULES[kind]) }),
    );
  const load: Load = { agents, perMs, classes: network.classes };
  const walls = [...queued, ...hubWalls(input, factors, load), ...memoryWalls(input)];
  return { walls: walls.sort((a, b) => rank(a) - rank(b)), agents, unhinderedPerHour };
}

interface Load {
  agents: number;
  perMs: number;
  classes: readonly AgentClass[];
}

const rank = ({ factor, days }: WallValue) => factor ?? (days === null ? Number.MAX_VALUE : Number.MAX_SAFE_INTEGER);

type WallParts = Pick<WallValue, "id" | "name" | "factor" | "basis" | "how" | "source"> & { days?: number | null };

function wall({ days = null, factor, ...rest }: WallParts): WallValue {
  return { ...rest, factor: factor === null || Number.isFinite(factor) ? factor : null, days };
}

const LAZOWSKA = "utilisation law, Lazowska and others 1984, ch. 5";
const RULES = {
  cpu: { basis: "model", how: "CPU time of tasks on one host = its cores", source: LAZOWSKA },
  gpu: {
    basis: "model",
    how: "prefill one at a time and decode in batches, all slots always taken",
    source: `${LAZOWSKA}; speeds in gpu-types.ts, batching in batching-curve.ts`,
  },
  api: { basis: "model", how: "steps per minute × what a step takes = the tier's limit", source: "tiers in claude-tiers.ts" },
  uplink: {
    basis: "model",
    how: "request bodies and frames = the line's rate",
    source: `${LAZOWSKA}; overheads in network-path.ts`,
  },
  hub: { basis: "measured", how: "tasks and frames × their measured demand = 1", source: "the hub's measured capacity" },
} as const;

const OWN_RULES: Readonly<Record<string, Pick<WallValue, "basis" | "how" | "source">>> = {
  "API answers at once": {
    basis: "model",
    how: "max_tokens reserved for each answer in progress = the tier's output tokens",
    source: "the vendor's rule as copied in claude-limiter.ts; smaller max_tokens move it",
  },
};

function hubWalls(input: FleetInput, factors: FleetFactors, load: Load): WallValue[] {
  const hub = hubInUse(input);
  const demand = hubDemand(hub, input, factors);
  const isReference = hub.id.startsWith("single-reference");
  const { agents, perMs } = load;
  const framesPerMs = framesPerTask(input, factors) * perMs;
  const tasksPerDay = perMs * MS_PER_HOUR * HOURS_PER_DAY;
  const fsyncMs = input.fsyncMs ?? hub.fsyncMs;
  const syncsPerMs = (hub.fsyncsPerTask?.value ?? 0) * perMs + framesPerMs * (isReference ? SYNCS_PER_FRAME : 0);
  const scanMs = scanMsPerRow(hub);
  const spareMs = 1 / perMs - demand.taskMs;
  const limited = hub.kind === "single";
  const walls: WallValue[] = [
    wall({ id: "hub", name: "hub: tasks", factor: 1 / (demand.taskMs * perMs), ...RULES.hub }),
    wall({
      id: "messages",
      name: "hub: progress frames",
      factor: demand.frameMs > 0 && framesPerMs > 0 ? 1 / (demand.frameMs * framesPerMs) : null,
      basis: demand.frameMs > 0 ? "measured" : "parameter",
      how: demand.frameMs > 0 ? "frames of streaming agents × their measured demand = 1" : "not measured in this evidence",
      source: demand.frameMs > 0 ? "the hub's measured rate of frames" : "none",
    }),
    wall({
      id: "rate-limiter-submit",
      name: "rate limiter: one submitter",
      factor: SUBMISSIONS_PER_MIN / 60_000 / perMs,
      basis: "parameter",
      how: `${SUBMISSIONS_PER_MIN} submissions a minute for one submitter, with the reference's limits on`,
      source: "docs/wire.md, rate limits",
    }),
    wall({
      id: "rate-limiter-progress",
      name: "rate limiter: a streaming agent",
      factor: input.work.framesPerSec * 60 > FRAMES_PER_MIN ? 1 / agents : null,
      basis: "parameter",
      how: `${input.work.framesPerSec} frames a second against ${FRAMES_PER_MIN} a minute: every agent that streams is met after ${FRAMES_PER_MIN / input.work.framesPerSec} s, with the reference's limits on`,
      source: "docs/wire.md, rate limits",
    }),
    wall({
      id: "presence",
      name: "presence fan-out: all agents reconnect",
      factor: isReference ? Math.sqrt(RECONNECT_WITHIN_MS / FRAME_SEND_MS) / agents : null,
      basis: "parameter",
      how: isReference
        ? `N joins make N² frames of ${FRAME_SEND_MS} ms of CPU; within ${RECONNECT_WITHIN_MS / 1_000} s`
        : "digests: a join does not make a frame for each agent (C5)",
      source: "ws echo of 200 bytes, one development machine; `bench connections` measures the hub itself",
    }),
    wall({
      id: "connections",
      name: "connections",
      factor: ((hub.connections?.value ?? CONNECTIONS_OF_A_NODE) * hub.nodes) / agents,
      basis: hub.connections ? "measured" : "parameter",
      how: hub.connections
        ? "connections held"
        : `${CONNECTIONS_OF_A_NODE} sockets of a process with a limit of 20,000 open files`,
      source: hub.connections ? "the hub's measurement" : "one development machine",
    }),
  ];
  if (hub.syncsInTurn && fsyncMs !== null && syncsPerMs > 0) {
    walls.push(
      wall({
        id: "synchronous-writes",
        name: "synchronous writes",
        factor: 1 / (syncsPerMs * fsyncMs),
        basis: "measured",
        how: `${figure(hub.fsyncsPerTask?.value ?? 0)} syncs a task and ${SYNCS_PER_FRAME} a progress frame, one after the other, ${figure(fsyncMs)} ms each`,
        source: "syncs counted by the hub, the disk's measured latency; progress by C6 of docs/differences.md",
      }),
    );
  }
  if (scanMs > 0) {
    const rows = input.completedRows + spareMs / scanMs;
    walls.push(
      wall({
        id: "table-scans",
        name: "table scans",
        factor: null,
        days: spareMs > 0 ? spareMs / scanMs / tasksPerDay : 0,
        basis: "measured",
        how: `each completed row adds ${figure(scanMs)} ms to every task; full at about ${figure(Math.max(0, rows))} rows at the present load`,
        source: "rows read and CPU per task, measured; an upper bound",
      }),
    );
  }
  if (isReference) {
    walls.push(
      wall({
        id: "dets-2-gb",
        name: "the 2 GB file",
        factor: null,
        days: Math.max(0, DETS_LIMIT_BYTES / DETS_BYTES_PER_ROW - input.completedRows) / tasksPerDay,
        basis: "measured",
        how: `${DETS_BYTES_PER_ROW} bytes of the file for a row, never pruned (C7)`,
        source: "bench calibrate dets, recorded 2026-11-24",
      }),
    );
  }
  return walls.filter(({ id }) => limited || !id.startsWith("rate-limiter"));
}

/** Mean over the fleet, while models stream. */
function framesPerTask(input: FleetInput, factors: FleetFactors): number {
  const { work, fleet } = input;
  const shares = fractionsOf(work);
  const api = apiDemand(fleet.api, work.complex, factors);
  const hosts = fleet.hosts.filter(({ gpu }) => gpu !== null);
  const decodeMs =
    hosts.reduce((sum, { gpu }) => {
      const rate = gpu ? endpointOf(gpu).placement.decodeTokensPerSec * factors.gpuSpeed : 0;
      return sum + (rate > 0 ? (work.standard.outputTokens * factors.tokens * 1_000) / rate : 0);
    }, 0) / Math.max(1, hosts.length);
  const streamMs = shares.standard * work.standard.rounds * decodeMs + shares.complex * work.complex.steps * api.streamMs;
  return (streamMs / 1_000) * work.framesPerSec;
}

function memoryWalls({ fleet, work }: FleetInput): WallValue[] {
  const most = Math.max(
    ...(["trivial", "standard", "complex"] as const).map((tier) => (work.shares[tier] > 0 ? work[tier].ramGb : 0)),
  );
  return fleet.hosts.flatMap((host) => {
    const walls: WallValue[] = [];
    if (most > 0 && host.agents > 0) {
      walls.push(
        wall({
          id: `ram-${host.name}`,
          name: `RAM ${host.name}`,
          factor: host.ramGb / (host.agents * most),
          basis: "parameter",
          how: `${most} GB for a task, ${host.ramGb} GB there`,
          source: "assumption of the workload; tasks beyond are refused",
        }),
      );
    }
    if (host.gpu) walls.push(vramWall(host, host.gpu));
    return walls;
  });
}

/** Agents whose conversations can stay in the card's memory at once: beyond, each request reads its whole prompt again. */
function vramWall(host: HostKind, gpu: NonNullable<HostKind["gpu"]>): WallValue {
  const { model, settings, placement } = endpointOf(gpu);
  const slotBytes = model.kvBytesPerToken * placement.contextTokens;
  const fit = Math.max(0, Math.floor((totalVramBytes(settings) - model.weightsBytes - GRAPH_BYTES) / slotBytes));
  const spills = placement.gpuShare < 1;
  return wall({
    id: `vram-${host.name}`,
    name: `VRAM ${host.name}`,
    factor: host.agents > 0 ? (spills ? 0 : fit / host.agents) : null,
    basis: "model",
    how: spills
      ? `${model.name} with ${placement.slots} slots does not fit: ${Math.round(placement.gpuShare * 100)} % on the card, the rest on the CPU`
      : `${fit} conversations of ${placement.contextTokens} tokens fit beside ${model.name}`,
    source: "weights, KV cache and buffers in llm-models.ts and model-placement.ts",
  });
}

const figure = (value: number) => String(Number(value.toPrecision(value < 10 ? 2 : 4)));
