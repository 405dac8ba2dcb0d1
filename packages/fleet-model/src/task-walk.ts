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

/** Numbers that `save` writes, by their size. */
export const WALK_DOUBLES = 2;
export const WALK_INTS = 6;
export const WALK_BYTES = 2;

/** Rows of numbers that tasks are kept in: one block of memory seen as doubles, as whole numbers of 32 bits, and as bytes. */
export interface WalkRow {
  doubles: Float64Array;
  ints: Int32Array;
  bytes: Uint8Array;
}

/** Sessions draw from streams of their own, far from those of the tasks. */
const SESSION_STREAMS = 2 ** 31;

/** What comes next: a request, or one half of the tool before it. */
const NEXT = { request: 0, tool: 1, toolWait: 2, end: 3, firstRequest: 4 } as const;

export class TaskWalk {
  number = 0;
  /** Of the phase that `next` named. */
  coreSec = 0;
  maxCores = 0;
  waitMs = 0;
  newTokens = 0;
  outputTokens = 0;
  private readonly mix: WorkMix;
  private readonly seed: number;
  private readonly stream = new SeededStream(0);
  private readonly sessionStream = new SeededStream(0);
  private readonly shares: number;
  private tierCode: number = TIER.standard;
  private coming: number = NEXT.end;
  private requestsLeft = 0;
  /** Of the conversation so far. */
  private soFarTokens = 0;
  /** Of the session that was begun last: its number, and the context that its tasks find. */
  private knownSession = -1;
  private knownContextTokens = 0;

  constructor(mix: WorkMix, seed: number) {
    this.mix = mix;
    this.seed = seed;
    this.shares = WORK_TIERS.reduce((total, tier) => total + (mix[tier]?.share ?? 0), 0);
  }

  get tier(): WorkTier {
    return TIERS_BY_CODE[this.tierCode] ?? missing();
  }

  get isComplex(): boolean {
    return this.tierCode === TIER.complex;
  }

  /**
   * Of a complex task: tasks with the same number have the same context. Complex tasks come about `share` of the time, so that many
   * tasks of any tier pass while a session lasts.
   */
  get session(): number {
    const { complex } = this.mix;
    if (!complex) return 0;
    const complexSoFar = this.number * (this.shares > 0 ? complex.share / this.shares : 1);
    return Math.floor(complexSoFar / complex.tasksPerSession);
  }

  /** Of the last request. */
  get promptTokens(): number {
    return this.soFarTokens - this.outputTokens;
  }

  /** `wanted`: the tier as a hub routed it; a mix that does not have it goes by its own. */
  begin(number: number, wanted?: WorkTier): void {
    const { mix, seed, stream } = this;
    stream.restart(seed, number);
    const drawn = drawTier(mix, stream.next);
    this.number = number;
    this.tierCode = TIER[wanted !== undefined && mix[wanted] ? wanted : drawn];
    this.soFarTokens = 0;
    this.requestsLeft = 0;
    this.coming = NEXT.tool;
    if (this.tierCode === TIER.standard) {
      this.requestsLeft = count((mix.standard ?? missing()).rounds, stream.next);
      this.coming = NEXT.firstRequest;
    } else if (this.tierCode === TIER.complex) {
      this.soFarTokens = this.contextTokens();
      this.requestsLeft = count((mix.complex ?? missing()).steps, stream.next);
      this.coming = NEXT.firstRequest;
    }
  }

  /** That the task's session brought along. Tasks of one session mostly begin after each other, so it is seldom drawn anew. */
  private contextTokens(): number {
    const { session } = this;
    if (session !== this.knownSession) {
      this.sessionStream.restart(this.seed, SESSION_STREAMS + session);
      const context = count((this.mix.complex ?? missing()).contextTokens, this.sessionStream.next);
      this.knownSession = session;
      this.knownContextTokens = Math.min(context, LARGEST_CONTEXT_TOKENS);
    }
    return this.knownContextTokens;
  }

  next(): PhaseCode {
    switch (this.coming) {
      case NEXT.tool:
        return this.tool();
      case NEXT.toolWait:
        this.coming = this.requestsLeft > 0 ? NEXT.request : NEXT.end;
        return PHASE.wait;
      case NEXT.firstRequest:
      case NEXT.request:
        return this.request();
      default:
        return PHASE.end;
    }
  }

  private tool(): PhaseCode {
    const { stream, mix } = this;
    this.coming = NEXT.toolWait;
    if (this.tierCode === TIER.trivial) {
      const { cpuMs, maxCores, waitMs } = mix.trivial ?? missing();
      this.coreSec = draw(cpuMs, stream.next) / 1_000;
      this.maxCores = maxCores;
      this.waitMs = draw(waitMs, stream.next);
    } else {
      const { toolMs, toolCpuShare }: ToolWork = (this.isComplex ? mix.complex : mix.standard) ?? missing();
      const ms = draw(toolMs, stream.next);
      this.coreSec = (ms * toolCpuShare) / 1_000;
      this.maxCores = 1;
      this.waitMs = ms * (1 - toolCpuShare);
    }
    return PHASE.cpu;
  }

  private request(): PhaseCode {
    const { stream, mix } = this;
    if (this.isComplex) {
      const { appendedTokens, outputTokens, maxTokens } = mix.complex ?? missing();
      this.newTokens = count(appendedTokens, stream.next);
      this.outputTokens = Math.min(count(outputTokens, stream.next), maxTokens);
    } else {
      const { promptTokens, appendedTokens, outputTokens } = mix.standard ?? missing();
      this.newTokens = count(this.coming === NEXT.firstRequest ? promptTokens : appendedTokens, stream.next);
      this.outputTokens = count(outputTokens, stream.next);
    }
    this.soFarTokens += this.newTokens + this.outputTokens;
    this.coming = --this.requestsLeft > 0 ? NEXT.tool : NEXT.end;
    return this.isComplex ? PHASE.claude : PHASE.ollama;
  }

  /** Where this task is, and what its last phase was. Of a tool that is its wait, of a request its tokens; they have one place. */
  save({ doubles, ints, bytes }: WalkRow, double: number, int: number, byte: number): void {
    doubles[double] = this.soFarTokens;
    if (this.coming === NEXT.toolWait) doubles[double + 1] = this.waitMs;
    else {
      ints[2 * double + 2] = this.newTokens;
      ints[2 * double + 3] = this.outputTokens;
    }
    ints[int] = this.number;
    ints[int + 1] = this.requestsLeft;
    this.stream.save(ints, int + 2);
    bytes[byte + SAVED_TIER] = this.tierCode;
    bytes[byte + SAVED_COMING] = this.coming;
  }

  load({ doubles, ints, bytes }: WalkRow, double: number, int: number, byte: number): void {
    this.tierCode = bytes[byte + SAVED_TIER] as number;
    this.coming = bytes[byte + SAVED_COMING] as number;
    this.soFarTokens = doubles[double] as number;
    if (this.coming === NEXT.toolWait) this.waitMs = doubles[double + 1] as number;
    else {
      this.newTokens = ints[2 * double + 2] as number;
      this.outputTokens = ints[2 * double + 3] as number;
    }
    this.number = ints[int] as number;
    this.requestsLeft = ints[int + 1] as number;
    this.stream.load(ints, int + 2);
  }
}

const SAVED_TIER = 0;
const SAVED_COMING = 1;

/** Of a task whose bytes `save` wrote from `byte` on: what comes next is a request to a local model. */
export function willAskOllama(bytes: Uint8Array, byte: number): boolean {
  if (bytes[byte + SAVED_TIER] !== TIER.standard) return false;
  const coming = bytes[byte + SAVED_COMING];
  return coming === NEXT.request || coming === NEXT.firstRequest;
}

const TIER: Readonly<Record<WorkTier, number>> = { trivial: 0, standard: 1, complex: 2 };
const TIERS_BY_CODE: readonly WorkTier[] = ["trivial", "standard", "complex"];

export function drawTier(mix: WorkMix, random: Random): WorkTier {
  const { trivial, standard, complex } = mix;
  const [first, second, third] = [trivial?.share ?? 0, standard?.share ?? 0, complex?.share ?? 0];
  const left = random() * (first + second + third);
  if (first > 0 && left < first) return "trivial";
  if (second > 0 && left < first + second) return "standard";
  if (third > 0) return "complex";
  return second > 0 || first <= 0 ? "standard" : "trivial";
}

/** Of tokens, rounds or steps: whole, at least one, and no more than `save` has room for. */
function count(distribution: Distribution, random: Random): number {
  return Math.max(1, Math.min(LARGEST_COUNT, Math.round(draw(distribution, random))));
}

const LARGEST_COUNT = 2 ** 31 - 1;

function missing(): never {
  throw new Error("a tier was drawn that the mix does not have");
}
