/** Which faults happen to a hub, and when. A plan is data, and the seed alone decides it, so that a failing one can be had again. */
import { seededRandom } from "../measure/estimate.ts";

/** What a hub keeps its tasks in: a server, the files of its one node, or nothing. */
export type Store = "backbone" | "node" | "none";

/** `node` and `server` count from 0; no `server`: the backbone has one. All times in milliseconds. */
export type Fault =
  /** SIGKILL, and a new start with the same data after `downMs`. */
  | { kind: "kill-node"; node: number; downMs: number }
  /** SIGSTOP for longer than a lease, then SIGCONT: a node that thinks that no time has passed. */
  | { kind: "pause-node"; node: number; forMs: number }
  /** Nothing passes between the node and the backbone, and nobody is told; then what was held back arrives. */
  | { kind: "cut-off-node"; node: number; forMs: number }
  /** SIGKILL of the backbone's server, or of one of several, and a new start with the same data after `downMs`. */
  | { kind: "restart-backbone"; server?: number; downMs: number }
  /** Nothing passes between one of several servers and anybody else, and nobody is told; then what was held back arrives. */
  | { kind: "cut-off-server"; server: number; forMs: number }
  /** Every connection of every agent and submitter is reset; all come back at once. */
  | { kind: "reconnect-storm" }
  /** Every third connection stands still in both directions, and nobody is told; then what was held back arrives. */
  | { kind: "stuck-clients"; forMs: number }
  /** The wall clock that the node sees is off by `byMs`, ahead or behind, for `forMs`; then it is right again. */
  | { kind: "jump-clock"; node: number; byMs: number; forMs: number }
  /** Each sync of whoever keeps the tasks takes `delayMs` longer. */
  | { kind: "slow-disk"; store: Store; server?: number; delayMs: number; forMs: number }
  /** Not one block is free on the disk of whoever keeps the tasks; then there is room again, and what has ended is started. */
  | { kind: "full-disk"; store: Store; server?: number; forMs: number }
  /** Every program is gone at once, and the disk has what it was sent until then; all are started again after `downMs`. */
  | { kind: "lose-power"; downMs: number };

export type FaultKind = Fault["kind"];

/** Those that need nothing but the rights of whoever starts the hub. */
export const PLAIN_KINDS = [
  "kill-node",
  "pause-node",
  "cut-off-node",
  "restart-backbone",
  "cut-off-server",
  "reconnect-storm",
  "stuck-clients",
  "jump-clock",
] as const satisfies FaultKind[];

/** Those that need tools and rights beside: strace, or a file system of their own. */
export const DISK_KINDS = ["slow-disk", "full-disk", "lose-power"] as const satisfies FaultKind[];

export const FAULT_KINDS: readonly FaultKind[] = [...PLAIN_KINDS, ...DISK_KINDS];

export interface PlannedFault {
  /** From the moment at which the work is under way. */
  atMs: number;
  fault: Fault;
}

export interface FaultPlan {
  seed: number;
  leaseMs: number;
  /** Those that it was drawn from. */
  kinds: readonly FaultKind[];
  faults: PlannedFault[];
}

/** What there is to harm. */
export interface FaultTargets {
  nodes: number;
  store: Store;
  /** Of the backbone; 0: it has none. */
  servers: number;
}

/** How many faults a plan has: half of the plans have one, so that it is seen what each does alone. */
const FAULT_COUNTS = [1, 1, 2, 3] as const;
/** The first fault comes within this of the start, each other one within this of the one before: so that some overlap. */
const GAP_MS = 1_500;
const DOWN_MS = { min: 100, max: 1_500 };
/** In leases. A pause is always longer than one; a cut may be shorter, and then nobody need notice. */
const PAUSE_LEASES = { min: 1.2, max: 2 };
const CUT_LEASES = { min: 0.4, max: 2 };
/** Servers of a NATS cluster elect another leader 4 to 9 s after they last heard of theirs: some cuts are shorter, some longer. */
const CUT_SERVER_MS = { min: 500, max: 12_000 };
const STUCK_MS = { min: 300, max: 3_000 };
/** From a clock that was set by hand to one that was in the wrong time zone. */
const JUMP_MS = { min: 10_000, max: 7_200_000 };
const SLOW_SYNC_MS = { min: 20, max: 150 };
const SLOW_MS = { min: 500, max: 3_000 };
const FULL_MS = { min: 300, max: 2_000 };
/** A program that was killed is left alone for this long after its new start, so that it can be hit while it works. */
const START_MS = 2_000;
const EVERYTHING = "everything";

/** Throws when nothing of `kinds` can happen to the hub: see `applicable`. */
export function drawPlan({
  seed,
  leaseMs,
  targets,
  kinds,
}: {
  seed: number;
  leaseMs: number;
  targets: FaultTargets;
  kinds: readonly FaultKind[];
}): FaultPlan {
  if (applicable(kinds, targets).length === 0) throw new RangeError(`none of ${kinds.join(", ")} can happen to this hub`);
  const random = seededRandom(seed);
  const between = ({ min, max }: { min: number; max: number }) => Math.round(min + random() * (max - min));
  const leases = ({ min, max }: { min: number; max: number }) => between({ min: min * leaseMs, max: max * leaseMs });
  const freeAtMs = new Map<string, number>();
  const isFree = (fault: Fault, atMs: number) => {
    const part = partOf(fault);
    return part === null || [...freeAtMs].every(([other, freeMs]) => freeMs <= atMs || !meet(part, other));
  };
  const faults: PlannedFault[] = [];
  let atMs = 0;
  const count = FAULT_COUNTS[Math.floor(random() * FAULT_COUNTS.length)] as number;
  while (faults.length < count) {
    atMs += between({ min: 0, max: GAP_MS });
    const lengths: Lengths = {
      downMs: between(DOWN_MS),
      pauseMs: leases(PAUSE_LEASES),
      cutMs: leases(CUT_LEASES),
      stuckMs: between(STUCK_MS),
      jumpMs: between(JUMP_MS) * (random() < 0.5 ? -1 : 1),
      syncMs: between(SLOW_SYNC_MS),
      slowMs: between(SLOW_MS),
      fullMs: between(FULL_MS),
      // Drawn only where it can happen: the plans of other hubs stay as they were.
      cutServerMs: targets.servers > 1 ? between(CUT_SERVER_MS) : 0,
    };
    const moment = atMs;
    const candidates = faultsOf(targets, lengths).filter((fault) => kinds.includes(fault.kind) && isFree(fault, moment));
    // A kind first, then where: else the faults of nodes would crowd out the others in a hub of many nodes.
    const possible = [...new Set(candidates.map(({ kind }) => kind))];
    const kind = possible[Math.floor(random() * possible.length)];
    const places = candidates.filter((candidate) => candidate.kind === kind);
    const fault = places[Math.floor(random() * places.length)];
    // All that could be harmed is harmed already: later.
    if (!fault) continue;
    const part = partOf(fault);
    // The part is free again when the fault is over and, after a start, when the program has had time to work.
    if (part !== null) freeAtMs.set(part, atMs + lengthMs(fault) + (startsPrograms(fault) ? START_MS : 0));
    faults.push({ atMs, fault });
  }
  return { seed, leaseMs, kinds, faults };
}

/** Those of `kinds` that can happen to such a hub. */
export function applicable(kinds: readonly FaultKind[], targets: FaultTargets): FaultKind[] {
  const lengths: Lengths = {
    downMs: 0,
    pauseMs: 0,
    cutMs: 0,
    stuckMs: 0,
    jumpMs: 0,
    syncMs: 0,
    slowMs: 0,
    fullMs: 0,
    cutServerMs: 0,
  };
  const possible = new Set(faultsOf(targets, lengths).map(({ kind }) => kind));
  return kinds.filter((kind) => possible.has(kind));
}

/** How long the harm itself lasts. */
export function lengthMs(fault: Fault): number {
  if ("downMs" in fault) return fault.downMs;
  return "forMs" in fault ? fault.forMs : 0;
}

/** What of the hub the fault makes unfit for another one while it lasts; null: nothing, it is over at once. */
export function partOf(fault: Fault): string | null {
  if ("node" in fault) return `node ${fault.node}`;
  if ("store" in fault) return fault.store === "backbone" ? "backbone" : "node 0";
  switch (fault.kind) {
    // Whichever of several servers it is: with two of three lost, no hub could go on.
    case "restart-backbone":
    case "cut-off-server":
      return "backbone";
    case "stuck-clients":
      return "clients";
    case "lose-power":
      return EVERYTHING;
    case "reconnect-storm":
      return null;
  }
}

/** Whether two faults of these parts would get into each other's way. */
export function meet(part: string, other: string): boolean {
  return part === other || part === EVERYTHING || other === EVERYTHING;
}

/** For people, who count nodes from 1. */
export function faultInWords(fault: Fault): string {
  const length = `${(lengthMs(fault) / 1_000).toFixed(1)} s`;
  const backbone = "server" in fault ? `backbone server ${(fault.server as number) + 1}` : "the backbone";
  const disk = "store" in fault && fault.store === "backbone" ? `the disk of ${backbone}` : "the disk";
  switch (fault.kind) {
    case "kill-node":
      return `kill -9 of n${fault.node + 1}, back after ${length}`;
    case "pause-node":
      return `n${fault.node + 1} stopped for ${length}`;
    case "cut-off-node":
      return `n${fault.node + 1} cut off for ${length}`;
    case "restart-backbone":
      return `kill -9 of ${backbone}, back after ${length}`;
    case "cut-off-server":
      return `${backbone} cut off for ${length}`;
    case "reconnect-storm":
      return "all connections cut";
    case "stuck-clients":
      return `a third of the connections stuck for ${length}`;
    case "jump-clock":
      return `clock of n${fault.node + 1} ${Math.round(Math.abs(fault.byMs) / 1_000)} s ${fault.byMs < 0 ? "behind" : "ahead"} for ${length}`;
    case "slow-disk":
      return `each sync to ${disk} ${fault.delayMs} ms longer for ${length}`;
    case "full-disk":
      return `${disk} full for ${length}`;
    case "lose-power":
      return `loss of power, back after ${length}`;
  }
}

/** After these a program is started; that of a full disk had given up, or not. */
function startsPrograms(fault: Fault): boolean {
  return "downMs" in fault || fault.kind === "full-disk";
}

interface Lengths {
  downMs: number;
  pauseMs: number;
  cutMs: number;
  stuckMs: number;
  jumpMs: number;
  syncMs: number;
  slowMs: number;
  fullMs: number;
  cutServerMs: number;
}

/** All that can happen to a hub, with these lengths. */
function faultsOf({ nodes, store, servers }: FaultTargets, lengths: Lengths): Fault[] {
  const { downMs, pauseMs, cutMs, stuckMs, jumpMs, syncMs, slowMs, fullMs, cutServerMs } = lengths;
  const ofNode = (node: number): Fault[] => [
    { kind: "kill-node", node, downMs },
    { kind: "pause-node", node, forMs: pauseMs },
    ...(store === "backbone" ? [{ kind: "cut-off-node", node, forMs: cutMs } as const] : []),
    { kind: "jump-clock", node, byMs: jumpMs, forMs: pauseMs },
  ];
  const numbers = Array.from({ length: servers }, (_, server) => server);
  const oneOf = servers > 1 ? numbers.map((server) => ({ server })) : [{}];
  const restarts = oneOf.flatMap((server): Fault[] => [{ kind: "restart-backbone", ...server, downMs }]);
  const ofStore = oneOf.flatMap((server): Fault[] => [
    { kind: "slow-disk", store, ...server, delayMs: syncMs, forMs: slowMs },
    { kind: "full-disk", store, ...server, forMs: fullMs },
  ]);
  return [
    ...Array.from({ length: nodes }, (_, node) => ofNode(node)).flat(),
    ...(store === "backbone" ? restarts : []),
    ...(servers > 1 ? numbers.map((server): Fault => ({ kind: "cut-off-server", server, forMs: cutServerMs })) : []),
    { kind: "reconnect-storm" },
    { kind: "stuck-clients", forMs: stuckMs },
    ...(store === "none" ? [] : ofStore),
    { kind: "lose-power", downMs },
  ];
}
