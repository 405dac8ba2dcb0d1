/** Which faults happen to a hub, and when. A plan is data, and the seed alone decides it, so that a failing one can be had again. */
import { seededRandom } from "../measure/estimate.ts";

/** `node` counts from 0. All times in milliseconds. */
export type Fault =
  /** SIGKILL, and a new start with the same data after `downMs`. */
  | { kind: "kill-node"; node: number; downMs: number }
  /** SIGSTOP for longer than a lease, then SIGCONT: a node that thinks that no time has passed. */
  | { kind: "pause-node"; node: number; forMs: number }
  /** Nothing passes between the node and the backbone, and nobody is told; then what was held back arrives. */
  | { kind: "cut-off-node"; node: number; forMs: number }
  /** SIGKILL of the backbone's server, and a new start with the same data after `downMs`. */
  | { kind: "restart-backbone"; downMs: number }
  /** Every connection of every agent and submitter is reset; all come back at once. */
  | { kind: "reconnect-storm" };

export interface PlannedFault {
  /** From the moment at which the work is under way. */
  atMs: number;
  fault: Fault;
}

export interface FaultPlan {
  seed: number;
  leaseMs: number;
  faults: PlannedFault[];
}

/** What there is to harm. */
export interface FaultTargets {
  nodes: number;
  hasBackbone: boolean;
}

/** How many faults a plan has: half of the plans have one, so that it is seen what each does alone. */
const FAULT_COUNTS = [1, 1, 2, 3] as const;
/** The first fault comes within this of the start, each other one within this of the one before: so that some overlap. */
const GAP_MS = 1_500;
const DOWN_MS = { min: 100, max: 1_500 };
/** In leases. A pause is always longer than one; a cut may be shorter, and then nobody need notice. */
const PAUSE_LEASES = { min: 1.2, max: 2 };
const CUT_LEASES = { min: 0.4, max: 2 };
/** A program that was killed is left alone for this long after its new start, so that it can be hit while it works. */
const START_MS = 2_000;

export function drawPlan({ seed, leaseMs, targets }: { seed: number; leaseMs: number; targets: FaultTargets }): FaultPlan {
  const random = seededRandom(seed);
  const between = ({ min, max }: { min: number; max: number }) => Math.round(min + random() * (max - min));
  const leases = ({ min, max }: { min: number; max: number }) => between({ min: min * leaseMs, max: max * leaseMs });
  const freeAtMs = new Map<string, number>();
  const faults: PlannedFault[] = [];
  let atMs = 0;
  const count = FAULT_COUNTS[Math.floor(random() * FAULT_COUNTS.length)] as number;
  while (faults.length < count) {
    atMs += between({ min: 0, max: GAP_MS });
    const lengths = { downMs: between(DOWN_MS), pauseMs: leases(PAUSE_LEASES), cutMs: leases(CUT_LEASES) };
    const candidates = faultsOf(targets, lengths).filter((fault) => (freeAtMs.get(partOf(fault) ?? "") ?? 0) <= atMs);
    // A kind first, then where: else the faults of nodes would crowd out the others in a hub of many nodes.
    const kinds = [...new Set(candidates.map(({ kind }) => kind))];
    const kind = kinds[Math.floor(random() * kinds.length)];
    const places = candidates.filter((candidate) => candidate.kind === kind);
    const fault = places[Math.floor(random() * places.length)] as Fault;
    const part = partOf(fault);
    // The part is free again when the fault is over and, after a kill, when the program has had time to start.
    if (part !== null) freeAtMs.set(part, atMs + lengthMs(fault) + ("downMs" in fault ? START_MS : 0));
    faults.push({ atMs, fault });
  }
  return { seed, leaseMs, faults };
}

/** How long the harm itself lasts. */
export function lengthMs(fault: Fault): number {
  if ("downMs" in fault) return fault.downMs;
  return "forMs" in fault ? fault.forMs : 0;
}

/** What of the hub the fault makes unfit for another one while it lasts; null: nothing, it is over at once. */
export function partOf(fault: Fault): string | null {
  if ("node" in fault) return `node ${fault.node}`;
  return fault.kind === "restart-backbone" ? "backbone" : null;
}

/** For people, who count nodes from 1. */
export function faultInWords(fault: Fault): string {
  const length = `${(lengthMs(fault) / 1_000).toFixed(1)} s`;
  switch (fault.kind) {
    case "kill-node":
      return `kill -9 of n${fault.node + 1}, back after ${length}`;
    case "pause-node":
      return `n${fault.node + 1} stopped for ${length}`;
    case "cut-off-node":
      return `n${fault.node + 1} cut off for ${length}`;
    case "restart-backbone":
      return `kill -9 of the backbone, back after ${length}`;
    case "reconnect-storm":
      return "all connections cut";
  }
}

/** All that can happen to a hub, with these lengths. */
function faultsOf(
  { nodes, hasBackbone }: FaultTargets,
  { downMs, pauseMs, cutMs }: { downMs: number; pauseMs: number; cutMs: number },
): Fault[] {
  const ofNode = (node: number): Fault[] => [
    { kind: "kill-node", node, downMs },
    { kind: "pause-node", node, forMs: pauseMs },
    ...(hasBackbone ? [{ kind: "cut-off-node", node, forMs: cutMs } as const] : []),
  ];
  return [
    ...Array.from({ length: nodes }, (_, node) => ofNode(node)).flat(),
    ...(hasBackbone ? [{ kind: "restart-backbone", downMs } as const] : []),
    { kind: "reconnect-storm" },
  ];
}
