/** One task as its executor does it: drawn from the mix by the task's number alone, so it is the same whoever gets it, and when. */
import { seededRandom } from "./random.ts";
import { drawTier, PHASE, TaskWalk } from "./task-walk.ts";
import type { WorkMix, WorkTier } from "./work-mix.ts";

export type WorkPhase =
  /** For the cores of the host. */
  | { kind: "cpu"; coreSec: number; maxCores: number }
  | { kind: "wait"; ms: number }
  /** A request to the endpoint: `promptTokens` in all, of them `newTokens` that no earlier request of the task had. */
  | { kind: "ollama"; promptTokens: number; newTokens: number; outputTokens: number }
  /** A request to the API. Before the first step the session's context is not new, though the API's cache may have lost it. */
  | { kind: "claude"; promptTokens: number; newTokens: number; outputTokens: number; maxTokens: number };

export interface TaskPlan {
  number: number;
  tier: WorkTier;
  phases: readonly WorkPhase[];
  ramBytes: number;
  /** Ends as a failure when its work is done. */
  fails: boolean;
  /** Of a complex task: tasks with the same number have the same context. */
  session: number;
}

/** Which task of which run. */
export interface TaskDraw {
  seed: number;
  number: number;
  /** As the hub routed it, where that is known; otherwise the mix decides. */
  tier?: WorkTier;
  /** Which try it is, for instance the generation: each may fail or not, with the same work. */
  attempt?: number;
}

/** A mix need not have the tier that a hub asks for: another one of its tiers stands in. */
export function drawTaskPlan(mix: WorkMix, { seed, number, tier: wanted, attempt = 1 }: TaskDraw): TaskPlan {
  const walk = new TaskWalk(mix, seed);
  walk.begin(number, wanted);
  const { tier, session } = walk;
  const work = mix[tier] ?? missing();
  const fails = seededRandom(seed + FAILURE_SEEDS + attempt, number)() < work.failShare;
  const phases: WorkPhase[] = [];
  for (let phase = phaseOf(walk, mix); phase; phase = phaseOf(walk, mix)) phases.push(phase);
  return { number, tier, fails, ramBytes: work.ramBytes, session, phases };
}

function phaseOf(walk: TaskWalk, mix: WorkMix): WorkPhase | undefined {
  const kind = walk.next();
  const { promptTokens, newTokens, outputTokens } = walk;
  switch (kind) {
    case PHASE.end:
      return undefined;
    case PHASE.cpu:
      return { kind: "cpu", coreSec: walk.coreSec, maxCores: walk.maxCores };
    case PHASE.wait:
      return { kind: "wait", ms: walk.waitMs };
    case PHASE.ollama:
      return { kind: "ollama", promptTokens, newTokens, outputTokens };
    case PHASE.claude:
      return { kind: "claude", promptTokens, newTokens, outputTokens, maxTokens: (mix.complex ?? missing()).maxTokens };
  }
}

/** As the mix says for this number. */
export function tierOfTask(mix: WorkMix, { seed, number }: TaskDraw): WorkTier {
  return drawTier(mix, seededRandom(seed, number));
}

/** Failures draw from seeds of their own, one for each attempt. */
const FAILURE_SEEDS = 2 ** 40;

function missing(): never {
  throw new Error("a tier was drawn that the mix does not have");
}
