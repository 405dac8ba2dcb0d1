/** The API's account on a virtual clock: the limiter's buckets, and what its cache still knows of sessions and tasks. */
import { COMMON_PROMPT_TOKENS } from "../agent-workload.ts";
import { ClaudeLimiter } from "../claude-limiter.ts";
import { CLAUDE_TIERS, type ClaudeModel, claudeModel, UNCACHED_INPUT_TOKENS_PER_SEC } from "../claude-tiers.ts";
import type { ApiShape } from "../decision/fleet-shape.ts";
import { CACHE_TTL_MS } from "../prompt-cache.ts";
import { draw, type Random } from "../random.ts";

export interface ApiStep {
  session: number;
  /** Of the task's own last step; negative infinity before its first. */
  lastStepMs: number;
  promptTokens: number;
  newTokens: number;
  /** Of the step before, which the cache does not hold. */
  lastOutputTokens: number;
  outputTokens: number;
  maxTokens: number;
}

export type ApiAnswer = { ok: true; answerMs: number; reservedTokens: number } | { ok: false; retryAfterMs: number };

export class ApiAccount {
  private readonly model: ClaudeModel;
  private readonly limiter: ClaudeLimiter;
  private readonly random: Random;
  /** When a session's context was last read: a ring of the newest sessions, and when, by number modulo its length. */
  private readonly sessions: Float64Array;
  private readonly readMs: Float64Array;
  /** When the beginning that all prompts share was last read. */
  private commonMs = Number.NEGATIVE_INFINITY;
  refusals = 0;

  /** `times`: so many organisations' limits in one. `sessionsAtOnce`: that may be worked on at the same time. */
  constructor(api: ApiShape, { random, times, sessionsAtOnce }: { random: Random; times: number; sessionsAtOnce: number }) {
    this.sessions = new Float64Array(RING_ROOM * Math.max(1, sessionsAtOnce)).fill(-1);
    this.readMs = new Float64Array(this.sessions.length);
    const model = claudeModel(api.model);
    const limits = model && CLAUDE_TIERS[api.tier]?.[model.class];
    if (!model || !limits) throw new Error(`no API tier '${api.tier}' or no model '${api.model}'`);
    this.model = model;
    const { requestsPerMin, inputTokensPerMin, outputTokensPerMin } = limits;
    this.limiter = new ClaudeLimiter(
      {
        requestsPerMin: requestsPerMin * times,
        inputTokensPerMin: inputTokensPerMin * times,
        outputTokensPerMin: outputTokensPerMin * times,
      },
      0,
    );
    this.random = random;
  }

  ask(step: ApiStep, nowMs: number): ApiAnswer {
    const uncached = this.uncachedTokens(step, nowMs);
    const decision = this.limiter.admit({ inputTokens: uncached, maxOutputTokens: step.maxTokens }, nowMs);
    if (!decision.ok) {
      this.refusals++;
      // A prompt that the whole bucket cannot hold would wait for ever; the vendor refuses it, a team makes it shorter.
      if (decision.retryAfterMs === Number.POSITIVE_INFINITY) return { ok: true, answerMs: 0, reservedTokens: 0 };
      return { ok: false, retryAfterMs: decision.retryAfterMs };
    }
    const place = step.session % this.sessions.length;
    this.sessions[place] = step.session;
    this.readMs[place] = nowMs;
    this.commonMs = nowMs;
    const waitMs = draw(this.model.ttftMs, this.random) + (uncached / UNCACHED_INPUT_TOKENS_PER_SEC) * 1_000;
    const answerMs = waitMs + (step.outputTokens / draw(this.model.tokensPerSec, this.random)) * 1_000;
    return { ok: true, answerMs, reservedTokens: decision.reservedOutputTokens };
  }

  end(reservedTokens: number, outputTokens: number, nowMs: number): void {
    if (reservedTokens > 0) this.limiter.settle(reservedTokens, outputTokens, nowMs);
  }

  private uncachedTokens(step: ApiStep, nowMs: number): number {
    const fresh = step.newTokens + step.lastOutputTokens;
    if (nowMs - step.lastStepMs <= CACHE_TTL_MS["5m"]) return fresh;
    const place = step.session % this.sessions.length;
    const isRead = this.sessions[place] === step.session && nowMs - (this.readMs[place] as number) <= CACHE_TTL_MS["5m"];
    const isFirst = step.lastStepMs === Number.NEGATIVE_INFINITY;
    return isFirst && isRead
      ? fresh
      : Math.max(fresh, step.promptTokens - (nowMs - this.commonMs <= CACHE_TTL_MS["5m"] ? COMMON_PROMPT_TOKENS : 0));
  }
}

/** Sessions begin in order, so those worked on lie close together; older ones are forgotten as if their time had run out. */
const RING_ROOM = 8;
