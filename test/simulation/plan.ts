/** What is done to a simulated hub, and when: drawn from a seed, so that a number stands for it. */
import type { Random } from "@hubscale/sidecar-sim";

export type Action = { atMs: number } & (
  | { do: "submit"; node: number; priority: "urgent" | "normal" | "low"; assignTo: string | null; after: number | null }
  | { do: "cancel" | "retry"; node: number; nth: number }
  | { do: "kill node" | "stop node" | "cut off node"; node: number; forMs: number }
  | { do: "set clock of node"; node: number; byMs: number }
  | { do: "cut power of engine"; forMs: number }
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
    return { atMs, do: "submit", node, priority, assignTo, after: random() < 0.06 ? whole(random, 4) : null };
  }
  if (draw < 0.52) return { atMs, do: random() < 0.5 ? "cancel" : "retry", node, nth: whole(random, 5) };
  if (draw < 0.6) return { atMs, do: "kill node", node, forMs };
  if (draw < 0.69) return { atMs, do: "stop node", node, forMs };
  if (draw < 0.77) return { atMs, do: "cut off node", node, forMs };
  if (draw < 0.81) return { atMs, do: "set clock of node", node, byMs: whole(random, 120_000) - 60_000 };
  if (draw < 0.87) return { atMs, do: "cut power of engine", forMs: 50 + whole(random, 2_000) };
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
      return `submit an ${action.priority} task${forWhom}${after} to n${action.node + 1}`;
    }
    case "cancel":
    case "retry":
      return `${action.do} task ${action.nth + 1} on n${action.node + 1}`;
    case "set clock of node":
      return `${action.do} n${action.node + 1} by ${action.byMs} ms`;
    case "cut power of engine":
      return `${action.do} for ${action.forMs} ms`;
    case "kill agent":
    case "break connection of agent":
      return `${action.do} a${action.agent + 1}`;
    default:
      return `${action.do} n${action.node + 1} for ${action.forMs} ms`;
  }
}

function whole(random: Random, below: number): number {
  return Math.floor(random() * below);
}
