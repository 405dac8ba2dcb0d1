/** One task as its executor does it: drawn from the mix by the task's number alone, so it is the same whoever gets it, and when. */
import type { ToolWork, WorkMix, WorkTier } from "./work-mix.ts";
import { WORK_TIERS } from "./work-mix.ts";
import { draw, type Distribution, type Random, seededRandom } from "./random.ts";

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
  const random = seededRandom(seed, number);
  const drawn = drawTier(mix, random);
  const tier = wanted !== undefined && mix[wanted] ? wanted : drawn;
  const work = mix[tier];
  if (!work) throw new Error("a mix of work without any tier");
  const fails = seededRandom(seed + FAILURE_SEEDS + attempt, number)() < work.failShare;
  const session = sessionOf(mix, number);
  return { number, tier, fails, ramBytes: work.ramBytes, session, phases: phasesOf(mix, tier, { seed, session, random }) };
}

/** As the mix says for this number. */
export function tierOfTask(mix: WorkMix, { seed, number }: TaskDraw): WorkTier {
  return drawTier(mix, seededRandom(seed, number));
}

function drawTier(mix: WorkMix, random: Random): WorkTier {
  const sum = WORK_TIERS.reduce((total, tier) => total + (mix[tier]?.share ?? 0), 0);
  let left = random() * sum;
  let last: WorkTier = "standard";
  for (const tier of WORK_TIERS) {
    const share = mix[tier]?.share ?? 0;
    if (share <= 0) continue;
    last = tier;
    left -= share;
    if (left < 0) return tier;
  }
  return last;
}

/** Complex tasks come about `share` of the time, so that many tasks of any tier pass while a session lasts. */
function sessionOf(mix: WorkMix, number: number): number {
  if (!mix.complex) return 0;
  const sum = WORK_TIERS.reduce((total, tier) => total + (mix[tier]?.share ?? 0), 0);
  const complexSoFar = number * (sum > 0 ? mix.complex.share / sum : 1);
  return Math.floor(complexSoFar / mix.complex.tasksPerSession);
}

/** Failures draw from seeds of their own, one for each attempt. */
const FAILURE_SEEDS = 2 ** 40;

/** Sessions draw from streams of their own, far from those of the tasks. */
const SESSION_STREAMS = 2 ** 31;

/** The largest that a Claude model takes; the lognormal fitted to TraceLab has 1 in 130 beyond it. */
export const LARGEST_CONTEXT_TOKENS = 1_000_000;

function phasesOf(
  mix: WorkMix,
  tier: WorkTier,
  { seed, session, random }: { seed: number; session: number; random: Random },
): WorkPhase[] {
  switch (tier) {
    case "trivial": {
      const { cpuMs, maxCores, waitMs } = mix.trivial ?? missing();
      return [
        { kind: "cpu", coreSec: draw(cpuMs, random) / 1_000, maxCores },
        { kind: "wait", ms: draw(waitMs, random) },
      ];
    }
    case "standard": {
      const work = mix.standard ?? missing();
      let promptTokens = 0;
      return repeated(count(work.rounds, random), work, random, (isFirst) => {
        const newTokens = count(isFirst ? work.promptTokens : work.appendedTokens, random);
        const outputTokens = count(work.outputTokens, random);
        promptTokens += newTokens;
        const phase = { kind: "ollama" as const, promptTokens, newTokens, outputTokens };
        promptTokens += outputTokens;
        return phase;
      });
    }
    case "complex": {
      const work = mix.complex ?? missing();
      const { maxTokens } = work;
      const contextTokens = count(work.contextTokens, seededRandom(seed, SESSION_STREAMS + session));
      let promptTokens = Math.min(contextTokens, LARGEST_CONTEXT_TOKENS);
      return repeated(count(work.steps, random), work, random, () => {
        const newTokens = count(work.appendedTokens, random);
        const outputTokens = Math.min(count(work.outputTokens, random), maxTokens);
        promptTokens += newTokens;
        const phase = { kind: "claude" as const, promptTokens, newTokens, outputTokens, maxTokens };
        promptTokens += outputTokens;
        return phase;
      });
    }
  }
}

/** Requests with a tool between each two. */
function repeated(times: number, tool: ToolWork, random: Random, request: (isFirst: boolean) => WorkPhase): WorkPhase[] {
  return Array.from({ length: times }, (_, index) => [
    ...(index > 0 ? toolPhases(tool, random) : []),
    request(index === 0),
  ]).flat();
}

function toolPhases({ toolMs, toolCpuShare }: ToolWork, random: Random): WorkPhase[] {
  const ms = draw(toolMs, random);
  return [
    { kind: "cpu", coreSec: (ms * toolCpuShare) / 1_000, maxCores: 1 },
    { kind: "wait", ms: ms * (1 - toolCpuShare) },
  ];
}

/** Of tokens, rounds or steps: whole, and at least one. */
function count(distribution: Distribution, random: Random): number {
  return Math.max(1, Math.round(draw(distribution, random)));
}

function missing(): never {
  throw new Error("a tier was drawn that the mix does not have");
}
