/** What is done to a simulated hub, and when: drawn from a seed, so that a number stands for it. */
import { LIMITS } from "@hubscale/protocol";
import type { Random } from "@hubscale/sidecar-sim";
import { CALL_FAULTS, type CallFault } from "./call-faults.ts";
import { DOCUMENT_BYTES } from "./simulated-node.ts";

export type Action = { atMs: number } & (
  | {
      do: "submit";
      node: number;
      priority: "urgent" | "normal" | "low";
      assignTo: string | null;
      after: number | null;
      bytes: number;
    }
  | { do: "cancel" | "retry"; node: number; nth: number }
  | { do: "kill node" | "stop node" | "cut off node"; node: number; forMs: number }
  | { do: "set clock of node"; node: number; byMs: number }
  | { do: "cut power of engine"; forMs: number }
  /** The next calls of the node to the engine fail like this, after it has made so many. */
  | { do: "fail calls of node"; node: number; fault: CallFault; skip: number; calls: number }
  /** Messages of other nodes do not reach it. */
  | { do: "deafen node"; node: number; forMs: number }
  | { do: "kill agent" | "break connection of agent"; agent: number }
);

export const NODES = 3;
export const AGENTS = 3;
const ACTIONS_UNTIL_MS = 7_000;
const FAULT_UP_TO_MS = 5_000;

export function planOf(random: Random): Action[] {
  const count = 10 + whole(random, 16);
  return Array.from({ length: count }, () => actionOf(random)).sort((a, b) => a.atMs - b.atMs);
}

function actionOf(random: Random): Action {
  const atMs = whole(random, ACTIONS_UNTIL_MS);
  const node = whole(random, NODES);
  const forMs = 50 + whole(random, FAULT_UP_TO_MS - 50);
  const draw = random();
  if (draw < 0.45) {
    const priority = (["urgent", "normal", "low"] as const)[whole(random, 3)] as "normal";
    const assignTo = random() < 0.1 ? `a${1 + whole(random, AGENTS)}` : null;
    const after = random() < 0.06 ? whole(random, 4) : null;
    return { atMs, do: "submit", node, priority, assignTo, after, bytes: random() < 0.03 ? nearTheLimit(random) : 0 };
  }
  if (draw < 0.52) return { atMs, do: random() < 0.5 ? "cancel" : "retry", node, nth: whole(random, 5) };
  if (draw < 0.6) return { atMs, do: "kill node", node, forMs };
  if (draw < 0.69) return { atMs, do: "stop node", node, forMs };
  if (draw < 0.77) return { atMs, do: "cut off node", node, forMs };
  if (draw < 0.81) return { atMs, do: "set clock of node", node, byMs: whole(random, 120_000) - 60_000 };
  if (draw < 0.86) return { atMs, do: "cut power of engine", forMs: 50 + whole(random, 2_000) };
  if (draw < 0.9) {
    const fault = CALL_FAULTS[whole(random, CALL_FAULTS.length)] as CallFault;
    return { atMs, do: "fail calls of node", node, fault, skip: whole(random, 12), calls: 1 + whole(random, 8) };
  }
  if (draw < 0.93) return { atMs, do: "deafen node", node, forMs };
  return { atMs, do: random() < 0.4 ? "kill agent" : "break connection of agent", agent: whole(random, AGENTS) };
}

/** From then on nothing of the action is left to wait for: the fault is over, the task submitted. */
export function endMsOf(action: Action): number {
  return action.atMs + ("forMs" in action ? action.forMs : 0);
}

export function sentenceOf(action: Action): string {
  switch (action.do) {
    case "submit": {
      const forWhom = action.assignTo ? ` for ${action.assignTo}` : "";
      const after = action.after === null ? "" : ` after task ${action.after + 1}`;
      const large = action.bytes > 0 ? ` with ${action.bytes} bytes` : "";
      return `submit an ${action.priority} task${forWhom}${after}${large} to n${action.node + 1}`;
    }
    case "cancel":
    case "retry":
      return `${action.do} task ${action.nth + 1} on n${action.node + 1}`;
    case "set clock of node":
      return `${action.do} n${action.node + 1} by ${action.byMs} ms`;
    case "cut power of engine":
      return `${action.do} for ${action.forMs} ms`;
    case "fail calls of node": {
      const { calls, fault, node, skip } = action;
      const done = fault.isDone ? ", done all the same" : "";
      return `fail ${calls} calls of n${node + 1} after ${skip} more: ${fault.sort}${done}`;
    }
    case "kill agent":
    case "break connection of agent":
      return `${action.do} a${action.agent + 1}`;
    default:
      return `${action.do} n${action.node + 1} for ${action.forMs} ms`;
  }
}

/** Just below what a hub takes of a task, or just above. */
function nearTheLimit(random: Random): number {
  return DOCUMENT_BYTES - 1_000 + whole(random, 1_100);
}

/** The result of some tasks: just below or above what fits beside every task, or beside a small one. */
export function resultBytesOf(random: Random): number {
  const draw = random();
  if (draw > 0.06) return 0;
  const limit = draw < 0.03 ? LIMITS.resultBytes : LIMITS.resultBytes + DOCUMENT_BYTES;
  return limit - 1_000 + whole(random, 1_100);
}

function whole(random: Random, below: number): number {
  return Math.floor(random() * below);
}
