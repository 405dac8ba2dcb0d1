/**
 * A loaded model at work: its slots, the queue before them, prefill one prompt at a time, decode of all slots together.
 * Time passes in `elapse`; the owner must not let it pass beyond `msUntilNext`.
 */
import { decodeSpeedup } from "./batching-curve.ts";
import type { LlmModel } from "./llm-models.ts";
import type { Placement } from "./model-placement.ts";
import type { OllamaEffect, OllamaRequest } from "./ollama-request.ts";

export interface Admitted<Id = string> {
  request: OllamaRequest<Id>;
  arrivedMs: number;
  /** When its model was there. */
  modelReadyMs: number;
}

interface Slot<Id> {
  sequence: Sequence<Id> | undefined;
  /** What the KV cache holds from the last request. */
  conversation: Id | undefined;
  tokens: number;
  freedMs: number;
}

interface Sequence<Id> {
  request: OllamaRequest<Id>;
  arrivedMs: number;
  modelReadyMs: number;
  slot: Slot<Id>;
  promptTokens: number;
  cachedTokens: number;
  phase: "prefill" | "decode";
  /** Tokens yet to prefill, then yet to decode. */
  left: number;
  prefillBeganMs: number | undefined;
  decodeBeganMs: number;
  /** The client left during prefill; llama-server learns of it when it sends the first token (ollama issue #11889). */
  abandoned: boolean;
}

/** Work of less than a microsecond counts as done: times are sums of floating point numbers. */
const DONE_MS = 1e-3;

export class Runner<Id extends string | number = string> {
  readonly model: LlmModel;
  readonly placement: Placement;
  private readonly slots: Slot<Id>[];
  /** FIFO without a bound: a semaphore in Ollama. A Map keeps the order and lets a client leave. */
  private readonly waiting = new Map<Id, Admitted<Id>>();
  /** In the order of their admission to slots. */
  private readonly active: Sequence<Id>[] = [];
  private abandonedCount = 0;
  /** The one whose prompt is being read: the first admitted of those that have not been. */
  private prefilling: Sequence<Id> | undefined;
  /** Tokens per millisecond of each sequence, until who is active changes. */
  private decodeRate: number | undefined;

  constructor(model: LlmModel, placement: Placement) {
    this.model = model;
    this.placement = placement;
    this.slots = Array.from({ length: placement.slots }, () => ({
      sequence: undefined,
      conversation: undefined,
      tokens: 0,
      freedMs: Number.NEGATIVE_INFINITY,
    }));
  }

  get waitingCount(): number {
    return this.waiting.size;
  }

  get activeCount(): number {
    return this.active.length;
  }

  /** Requests whose client is still there; at 0 the model is idle to the scheduler. */
  get references(): number {
    return this.waiting.size + this.active.length - this.abandonedCount;
  }

  get isBusy(): boolean {
    return this.active.length > 0;
  }

  /** Call `settle` afterwards. */
  enqueue(admitted: Admitted<Id>): void {
    this.waiting.set(admitted.request.id, admitted);
  }

  /** False: not here. Call `settle` afterwards. */
  cancel(id: Id, nowMs: number): boolean {
    if (this.waiting.delete(id)) return true;
    const sequence = this.active.find(({ request, abandoned }) => request.id === id && !abandoned);
    if (!sequence) return false;
    if (sequence.phase === "decode") this.release(sequence, nowMs);
    else {
      sequence.abandoned = true;
      this.abandonedCount++;
    }
    return true;
  }

  /** Tokens decoded for a request so far. */
  outputTokens(id: Id): number {
    const sequence = this.active.find(({ request }) => request.id === id);
    return sequence?.phase === "decode" ? Math.floor(sequence.request.outputTokens - sequence.left + TOKEN_ROUNDING) : 0;
  }

  /** Until something ends, at `share` of the GPU; Infinity when idle. */
  msUntilNext(share: number): number {
    const { prefilling } = this;
    if (prefilling) return prefilling.left / (this.prefillPerMs() * share);
    if (this.active.length === 0) return Number.POSITIVE_INFINITY;
    let least = Number.POSITIVE_INFINITY;
    for (const { left } of this.active) if (left < least) least = left;
    return least / (this.decodePerMs() * share);
  }

  /** Prefill stops decode: both use the whole GPU. */
  elapse(ms: number, share: number): void {
    if (ms <= 0) return;
    const { prefilling } = this;
    if (prefilling) {
      prefilling.left -= ms * share * this.prefillPerMs();
      return;
    }
    if (this.active.length === 0) return;
    const tokens = ms * share * this.decodePerMs();
    for (const sequence of this.active) sequence.left -= tokens;
  }

  /** Ends what is done and fills free slots from the queue. */
  settle(nowMs: number): OllamaEffect<Id>[] {
    const effects: OllamaEffect<Id>[] = [];
    for (;;) {
      const ended = this.firstDone();
      if (ended) this.end(ended, nowMs, effects);
      else if (!this.admitNext(nowMs)) return effects;
    }
  }

  private firstDone(): Sequence<Id> | undefined {
    const { active, prefilling } = this;
    if (active.length === 0) return undefined;
    const decoded = DONE_MS * this.decodePerMs();
    for (const sequence of active) {
      if (sequence.phase === "decode" ? sequence.left <= decoded : sequence === prefilling && this.isRead(sequence))
        return sequence;
    }
    return undefined;
  }

  private isRead({ left }: Sequence<Id>): boolean {
    return left <= DONE_MS * this.prefillPerMs();
  }

  private end(sequence: Sequence<Id>, nowMs: number, effects: OllamaEffect<Id>[]): void {
    const { id } = sequence.request;
    if (sequence.phase === "prefill") {
      if (sequence.abandoned) {
        this.abandonedCount--;
        this.release(sequence, nowMs);
        return;
      }
      sequence.phase = "decode";
      sequence.left = sequence.request.outputTokens;
      sequence.decodeBeganMs = nowMs;
      this.regroup(nowMs);
      effects.push({ type: "answering", id, atMs: nowMs });
      return;
    }
    sequence.left = 0;
    this.release(sequence, nowMs);
    effects.push({
      type: "finished",
      id,
      atMs: nowMs,
      timings: {
        totalMs: nowMs - sequence.arrivedMs,
        loadMs: sequence.modelReadyMs - sequence.arrivedMs,
        promptTokens: sequence.promptTokens,
        cachedTokens: sequence.cachedTokens,
        promptEvalMs: sequence.decodeBeganMs - (sequence.prefillBeganMs ?? sequence.decodeBeganMs),
        outputTokens: sequence.request.outputTokens,
        evalMs: nowMs - sequence.decodeBeganMs,
      },
    });
  }

  private admitNext(nowMs: number): boolean {
    if (this.waiting.size === 0 || this.active.length === this.slots.length) return false;
    const next = this.waiting.values().next().value;
    if (!next) return false;
    const slot = this.freeSlotFor(next.request.conversation);
    if (!slot) return false;
    this.waiting.delete(next.request.id);
    const promptTokens = Math.min(next.request.promptTokens, this.placement.contextTokens);
    const known = next.request.conversation !== undefined && slot.conversation === next.request.conversation;
    // llama-server evaluates at least one token, to have something to go on from.
    const cachedTokens = known ? Math.max(0, Math.min(slot.tokens, promptTokens - 1)) : 0;
    const sequence: Sequence<Id> = {
      // Field by field: spreading an object here took ten times as long as all the rest of a simulation.
      request: next.request,
      arrivedMs: next.arrivedMs,
      modelReadyMs: next.modelReadyMs,
      slot,
      promptTokens,
      cachedTokens,
      phase: "prefill",
      left: promptTokens - cachedTokens,
      prefillBeganMs: undefined,
      decodeBeganMs: nowMs,
      abandoned: false,
    };
    slot.sequence = sequence;
    this.active.push(sequence);
    this.regroup(nowMs);
    return true;
  }

  /** The slot with the request's conversation, else the one free for longest. */
  private freeSlotFor(conversation: Id | undefined): Slot<Id> | undefined {
    let oldest: Slot<Id> | undefined;
    for (const slot of this.slots) {
      if (slot.sequence) continue;
      if (conversation !== undefined && slot.conversation === conversation) return slot;
      if (!oldest || slot.freedMs < oldest.freedMs) oldest = slot;
    }
    return oldest;
  }

  private release(sequence: Sequence<Id>, nowMs: number): void {
    const { slot, request } = sequence;
    const decoded = sequence.phase === "decode" ? request.outputTokens - sequence.left : 0;
    slot.sequence = undefined;
    slot.conversation = request.conversation;
    slot.tokens = sequence.promptTokens + Math.floor(decoded);
    slot.freedMs = nowMs;
    this.active.splice(this.active.indexOf(sequence), 1);
    this.regroup(nowMs);
  }

  /** After a change of who is active, or of a phase. */
  private regroup(nowMs: number): void {
    this.decodeRate = undefined;
    this.prefilling = undefined;
    for (const sequence of this.active) {
      if (sequence.phase !== "prefill") continue;
      this.prefilling = sequence;
      sequence.prefillBeganMs ??= nowMs;
      return;
    }
  }

  private prefillPerMs(): number {
    return this.placement.prefillTokensPerSec / 1_000;
  }

  /** The batch counts with its mean length of context, half of the answer included. */
  private decodePerMs(): number {
    if (this.decodeRate !== undefined) return this.decodeRate;
    const batch = this.active.length;
    let contextTokens = 0;
    for (const { promptTokens, request } of this.active) contextTokens += promptTokens + request.outputTokens / 2;
    const speedup = decodeSpeedup(this.model.batching, batch, contextTokens / batch);
    this.decodeRate = (this.placement.decodeTokensPerSec * speedup) / batch / 1_000;
    return this.decodeRate;
  }
}

/** A token whose time has come to a millionth is there. */
const TOKEN_ROUNDING = 1e-6;
