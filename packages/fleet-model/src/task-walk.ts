/**
 * A task's work, drawn phase by phase as it is done: the same numbers as a whole plan of it (task-plan.ts is made with this), without
 * an object for each phase. A simulation has one walk and keeps where each of its tasks is in a row of numbers.
 */
import { draw, type Distribution, type Random, SeededStream } from "./random.ts";
import type { ToolWork, WorkMix, WorkTier } from "./work-mix.ts";
import { WORK_TIERS } from "./work-mix.ts";

export const PHASE = { end: 0, cpu: 1, wait: 2, ollama: 3, claude: 4 } as const;
export type PhaseCode = (typeof PHASE)[keyof typeof PHASE];

/** The largest that a Claude model takes; the lognormal fitted to TraceLab has 1 in 130 beyond it. */
export const LARGEST_CONTEXT_TOKENS = 1_000_000;

/** Numbers that `save` writes. */
export const WALK_NUMBERS = 14;

/** Sessions draw from streams of their own, far from those of the tasks. */
const SESSION_STREAMS = 2 ** 31;

/** What comes next: a request, or one half of the tool before it. */
const NEXT = { request: 0, tool: 1, toolWait: 2, end: 3 } as const;

export class TaskWalk {
  number = 0;
  tier: WorkTier = "standard";
  /** Of a complex task: tasks with the same number have the same context. */
  session = 0;
  /** Of the phase that `next` named. */
  coreSec = 0;
  maxCores = 0;
  waitMs = 0;
  promptTokens = 0;
  newTokens = 0;
  outputTokens = 0;
  private readonly mix: WorkMix;
  private readonly seed: number;
  private readonly stream = new SeededStream(0);
  private readonly sessionStream = new SeededStream(0);
  private readonly shares: number;
  private coming: number = NEXT.end;
  private requestsLeft = 0;
  private isFirst = true;
  /** Of the conversation so far. */
  private soFarTokens = 0;

  constructor(mix: WorkMix, seed: number) {
    this.mix = mix;
    this.seed = seed;
    this.shares = WORK_TIERS.reduce((total, tier) => total + (mix[tier]?.share ?? 0), 0);
  }

  /** `wanted`: the tier as a hub routed it; a mix that does not have it goes by its own. */
  begin(number: number, wanted?: WorkTier): void {
    const { mix, seed, stream } = this;
    stream.restart(seed, number);
    const drawn = drawTier(mix, stream.next);
    this.number = number;
    this.tier = wanted !== undefined && mix[wanted] ? wanted : drawn;
    this.session = this.sessionOf(number);
    this.isFirst = true;
    this.soFarTokens = 0;
    this.requestsLeft = 0;
    this.coming = NEXT.tool;
    if (this.tier === "standard") {
      this.requestsLeft = count((mix.standard ?? missing()).rounds, stream.next);
      this.coming = NEXT.request;
    } else if (this.tier === "complex") {
      const { contextTokens, steps } = mix.complex ?? missing();
      this.sessionStream.restart(seed, SESSION_STREAMS + this.session);
      const context = count(contextTokens, this.sessionStream.next);
      this.soFarTokens = Math.min(context, LARGEST_CONTEXT_TOKENS);
      this.requestsLeft = count(steps, stream.next);
      this.coming = NEXT.request;
    }
  }

  next(): PhaseCode {
    switch (this.coming) {
      case NEXT.tool:
        return this.tool();
      case NEXT.toolWait:
        this.coming = this.requestsLeft > 0 ? NEXT.request : NEXT.end;
        return PHASE.wait;
      case NEXT.request:
        return this.request();
      default:
        return PHASE.end;
    }
  }

  private tool(): PhaseCode {
    const { stream, mix } = this;
    this.coming = NEXT.toolWait;
    if (this.tier === "trivial") {
      const { cpuMs, maxCores, waitMs } = mix.trivial ?? missing();
      this.coreSec = draw(cpuMs, stream.next) / 1_000;
      this.maxCores = maxCores;
      this.waitMs = draw(waitMs, stream.next);
    } else {
      const { toolMs, toolCpuShare }: ToolWork = mix[this.tier] ?? missing();
      const ms = draw(toolMs, stream.next);
      this.coreSec = (ms * toolCpuShare) / 1_000;
      this.maxCores = 1;
      this.waitMs = ms * (1 - toolCpuShare);
    }
    return PHASE.cpu;
  }

  private request(): PhaseCode {
    const { stream, mix } = this;
    if (this.tier === "complex") {
      const { appendedTokens, outputTokens, maxTokens } = mix.complex ?? missing();
      this.newTokens = count(appendedTokens, stream.next);
      this.outputTokens = Math.min(count(outputTokens, stream.next), maxTokens);
    } else {
      const work = mix.standard ?? missing();
      this.newTokens = count(this.isFirst ? work.promptTokens : work.appendedTokens, stream.next);
      this.outputTokens = count(work.outputTokens, stream.next);
    }
    this.isFirst = false;
    this.promptTokens = this.soFarTokens + this.newTokens;
    this.soFarTokens = this.promptTokens + this.outputTokens;
    this.coming = --this.requestsLeft > 0 ? NEXT.tool : NEXT.end;
    return this.tier === "complex" ? PHASE.claude : PHASE.ollama;
  }

  /** Complex tasks come about `share` of the time, so that many tasks of any tier pass while a session lasts. */
  private sessionOf(number: number): number {
    const { complex } = this.mix;
    if (!complex) return 0;
    const complexSoFar = number * (this.shares > 0 ? complex.share / this.shares : 1);
    return Math.floor(complexSoFar / complex.tasksPerSession);
  }

  /** Where this task is, and what its last request was, from `at` on. */
  save(into: Float64Array, at: number): void {
    into[at] = this.number;
    into[at + 1] = TIER_CODES[this.tier];
    into[at + 2] = this.session;
    into[at + 3] = this.coming;
    into[at + 4] = this.requestsLeft;
    into[at + 5] = this.isFirst ? 1 : 0;
    into[at + 6] = this.soFarTokens;
    into[at + 7] = this.waitMs;
    into[at + 8] = this.newTokens;
    into[at + 9] = this.outputTokens;
    this.stream.save(into, at + 10);
  }

  load(from: Float64Array, at: number): void {
    this.number = from[at] as number;
    this.tier = WORK_TIERS[from[at + 1] as number] as WorkTier;
    this.session = from[at + 2] as number;
    this.coming = from[at + 3] as number;
    this.requestsLeft = from[at + 4] as number;
    this.isFirst = from[at + 5] === 1;
    this.soFarTokens = from[at + 6] as number;
    this.waitMs = from[at + 7] as number;
    this.newTokens = from[at + 8] as number;
    this.outputTokens = from[at + 9] as number;
    this.promptTokens = this.soFarTokens - this.outputTokens;
    this.stream.load(from, at + 10);
  }
}

/** Of a task that `save` wrote from `at` on: what comes next is a request to a local model. */
export function willAskOllama(from: Float64Array, at: number): boolean {
  return from[at + 1] === TIER_CODES.standard && from[at + 3] === NEXT.request;
}

const TIER_CODES: Readonly<Record<WorkTier, number>> = { trivial: 0, standard: 1, complex: 2 };

export function drawTier(mix: WorkMix, random: Random): WorkTier {
  const { trivial, standard, complex } = mix;
  const [first, second, third] = [trivial?.share ?? 0, standard?.share ?? 0, complex?.share ?? 0];
  const left = random() * (first + second + third);
  if (first > 0 && left < first) return "trivial";
  if (second > 0 && left < first + second) return "standard";
  if (third > 0) return "complex";
  return second > 0 || first <= 0 ? "standard" : "trivial";
}

/** Of tokens, rounds or steps: whole, and at least one. */
function count(distribution: Distribution, random: Random): number {
  return Math.max(1, Math.round(draw(distribution, random)));
}

function missing(): never {
  throw new Error("a tier was drawn that the mix does not have");
}
