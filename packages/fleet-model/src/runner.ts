/**
 * A loaded model at work: its slots, the queue before them, prefill one prompt at a time, decode of all slots together.
 * Time passes in `elapse`; the owner must not let it pass beyond `msUntilNext`. What changes while time passes is one row of numbers, which
 * a simulation of many runners has beside each other (docs/decisions/0064).
 */
import { decodeSpeedup } from "./batching-curve.ts";
import type { LlmModel } from "./llm-models.ts";
import type { Placement } from "./model-placement.ts";
import { HEAD, HEAD_NUMBERS, PHASE, type RunnerRow, runnerNumbers, SLOT, SLOT_NUMBERS } from "./runner-row.ts";
import type { OllamaEffect, OllamaRequest, OllamaTimings } from "./ollama-request.ts";

export interface Admitted<Id = string> {
  request: OllamaRequest<Id>;
  arrivedMs: number;
  /** When its model was there. */
  modelReadyMs: number;
}

const NONE = -1;

/** Work of less than a microsecond counts as done: times are sums of floating point numbers. */
const DONE_MS = 1e-3;

export class Runner<Id extends string | number = string> {
  readonly model: LlmModel;
  readonly placement: Placement;
  private readonly numbers: Float64Array;
  private readonly at: number;
  private readonly orderAt: number;
  private readonly slotsAt: number;
  /** By number of the slot, two for each: the request that it serves, and the conversation of the last one that it served. */
  private readonly names: (Id | undefined)[] = [];
  /** FIFO without a bound: a semaphore in Ollama. The first in a field of its own, since there is mostly at most one. */
  private first: Admitted<Id> | undefined;
  /** A Map keeps the order and lets a client leave. Where it holds some, newcomers go behind them. */
  private readonly others = new Map<Id, Admitted<Id>>();

  constructor(model: LlmModel, placement: Placement, row?: RunnerRow) {
    const { slots } = placement;
    this.model = model;
    this.placement = placement;
    this.numbers = row?.numbers ?? new Float64Array(runnerNumbers(slots));
    this.at = row?.at ?? 0;
    this.orderAt = this.at + HEAD_NUMBERS;
    this.slotsAt = this.orderAt + slots;
    this.numbers[this.at + HEAD.prefilling] = NONE;
    for (let number = 0; number < slots; number++) {
      this.names.push(undefined, undefined);
      this.numbers[this.slotsAt + number * SLOT_NUMBERS + SLOT.freedMs] = Number.NEGATIVE_INFINITY;
    }
  }

  get waitingCount(): number {
    return this.others.size + (this.first ? 1 : 0);
  }

  get activeCount(): number {
    return this.numbers[this.at + HEAD.active] as number;
  }

  /** Requests whose client is still there; at 0 the model is idle to the scheduler. */
  get references(): number {
    return this.waitingCount + this.activeCount - (this.numbers[this.at + HEAD.abandoned] as number);
  }

  /** Reads a number of each part of what an event needs: for who asks for the memory of many runners at once. */
  glance(): number {
    const { numbers, at, names } = this;
    return (
      (numbers[at] as number) + (numbers[at + 8] as number) + (numbers[at + 16] as number) + (names[0] === undefined ? 0 : 1)
    );
  }

  get isBusy(): boolean {
    return this.activeCount > 0;
  }

  /** Call `settle` afterwards. */
  enqueue(admitted: Admitted<Id>): void {
    if (this.first || this.others.size > 0) this.others.set(admitted.request.id, admitted);
    else this.first = admitted;
  }

  /** False: not here. Call `settle` afterwards. */
  cancel(id: Id, nowMs: number): boolean {
    if (this.first?.request.id === id) {
      this.first = undefined;
      return true;
    }
    if (this.others.delete(id)) return true;
    const slot = this.slotOf(id);
    if (slot === NONE || this.numbers[slot + SLOT.abandoned] === 1) return false;
    if (this.numbers[slot + SLOT.phase] === PHASE.decode) this.release(slot, nowMs);
    else {
      this.numbers[slot + SLOT.abandoned] = 1;
      this.add(HEAD.abandoned, 1);
    }
    return true;
  }

  /** Tokens decoded for a request so far. */
  outputTokens(id: Id): number {
    const slot = this.slotOf(id);
    if (slot === NONE || this.numbers[slot + SLOT.phase] !== PHASE.decode) return 0;
    const { numbers } = this;
    return Math.floor((numbers[slot + SLOT.outputTokens] as number) - (numbers[slot + SLOT.left] as number) + TOKEN_ROUNDING);
  }

  /** Until something ends, at `share` of the GPU; Infinity when idle. */
  msUntilNext(share: number): number {
    const { numbers } = this;
    const prefilling = this.prefilling;
    if (prefilling !== NONE) return (numbers[prefilling + SLOT.left] as number) / (this.prefillPerMs() * share);
    const active = this.activeCount;
    if (active === 0) return Number.POSITIVE_INFINITY;
    let least = Number.POSITIVE_INFINITY;
    for (let place = 0; place < active; place++) {
      const left = numbers[this.slotAt(place) + SLOT.left] as number;
      if (left < least) least = left;
    }
    return least / (this.decodePerMs() * share);
  }

  /** Until a request is finished, with the whole GPU and if none comes or leaves: all prompts are read, then the shortest answer is the first. */
  msUntilFinished(): number {
    const { numbers } = this;
    const active = this.activeCount;
    if (active === 0) return Number.POSITIVE_INFINITY;
    let least = Number.POSITIVE_INFINITY;
    let toRead = 0;
    for (let place = 0; place < active; place++) {
      const slot = this.slotAt(place);
      let left = numbers[slot + SLOT.left] as number;
      if (numbers[slot + SLOT.phase] === PHASE.prefill) {
        toRead += left;
        left = numbers[slot + SLOT.outputTokens] as number;
        if (left === 0) return toRead / this.prefillPerMs();
      }
      if (left < least) least = left;
    }
    return toRead / this.prefillPerMs() + least / this.decodePerMs();
  }

  /** Prefill stops decode: both use the whole GPU. */
  elapse(ms: number, share: number): void {
    if (ms <= 0) return;
    const { numbers } = this;
    const prefilling = this.prefilling;
    if (prefilling !== NONE) {
      numbers[prefilling + SLOT.left] = (numbers[prefilling + SLOT.left] as number) - ms * share * this.prefillPerMs();
      return;
    }
    const active = this.activeCount;
    if (active === 0) return;
    const tokens = ms * share * this.decodePerMs();
    for (let place = 0; place < active; place++) {
      const left = this.slotAt(place) + SLOT.left;
      numbers[left] = (numbers[left] as number) - tokens;
    }
  }

  /** Ends what is done and fills free slots from the queue. */
  settle(nowMs: number): OllamaEffect<Id>[] {
    const effects: OllamaEffect<Id>[] = [];
    this.goOn(nowMs, effects, null);
    return effects;
  }

  /** As `settle`, where only the ids of finished requests are wanted: behind what `finished` holds. */
  settleFinished(nowMs: number, finished: Id[]): void {
    this.goOn(nowMs, null, finished);
  }

  private goOn(nowMs: number, effects: OllamaEffect<Id>[] | null, finished: Id[] | null): void {
    for (;;) {
      const done = this.firstDone();
      if (done !== NONE) this.end(done, nowMs, effects, finished);
      else if (!this.admitNext(nowMs)) return;
    }
  }

  private firstDone(): number {
    const { numbers, prefilling } = this;
    const active = this.activeCount;
    if (active === 0) return NONE;
    const decoded = DONE_MS * this.decodePerMs();
    for (let place = 0; place < active; place++) {
      const slot = this.slotAt(place);
      const left = numbers[slot + SLOT.left] as number;
      if (numbers[slot + SLOT.phase] === PHASE.decode) {
        if (left <= decoded) return slot;
      } else if (slot === prefilling && left <= DONE_MS * this.prefillPerMs()) return slot;
    }
    return NONE;
  }

  private end(slot: number, nowMs: number, effects: OllamaEffect<Id>[] | null, finished: Id[] | null): void {
    const { numbers } = this;
    const id = this.idOf(slot);
    if (numbers[slot + SLOT.phase] === PHASE.prefill) {
      if (numbers[slot + SLOT.abandoned] === 1) {
        this.add(HEAD.abandoned, -1);
        this.release(slot, nowMs);
        return;
      }
      numbers[slot + SLOT.phase] = PHASE.decode;
      numbers[slot + SLOT.left] = numbers[slot + SLOT.outputTokens] as number;
      numbers[slot + SLOT.decodeBeganMs] = nowMs;
      this.regroup(nowMs);
      effects?.push({ type: "answering", id, atMs: nowMs });
      return;
    }
    numbers[slot + SLOT.left] = 0;
    finished?.push(id);
    effects?.push({ type: "finished", id, atMs: nowMs, timings: this.timingsOf(slot, nowMs) });
    this.release(slot, nowMs);
  }

  private timingsOf(slot: number, nowMs: number): OllamaTimings {
    const of = (column: number) => this.numbers[slot + column] as number;
    const decodeBeganMs = of(SLOT.decodeBeganMs);
    const prefillBeganMs = of(SLOT.prefillBeganMs);
    return {
      totalMs: nowMs - of(SLOT.arrivedMs),
      loadMs: of(SLOT.modelReadyMs) - of(SLOT.arrivedMs),
      promptTokens: of(SLOT.promptTokens),
      cachedTokens: of(SLOT.cachedTokens),
      promptEvalMs: Number.isNaN(prefillBeganMs) ? 0 : decodeBeganMs - prefillBeganMs,
      outputTokens: of(SLOT.outputTokens),
      evalMs: nowMs - decodeBeganMs,
    };
  }

  private admitNext(nowMs: number): boolean {
    const { numbers } = this;
    const active = this.activeCount;
    if (active === this.placement.slots) return false;
    const next = this.first ?? this.others.values().next().value;
    if (!next) return false;
    const { request } = next;
    const slot = this.freeSlotFor(request.conversation);
    if (slot === NONE) return false;
    if (next === this.first) this.first = undefined;
    else this.others.delete(request.id);
    const number = this.numberOf(slot);
    const promptTokens = Math.min(request.promptTokens, this.placement.contextTokens);
    const known = request.conversation !== undefined && this.names[2 * number + 1] === request.conversation;
    // llama-server evaluates at least one token, to have something to go on from.
    const held = numbers[slot + SLOT.heldTokens] as number;
    const cachedTokens = known ? Math.max(0, Math.min(held, promptTokens - 1)) : 0;
    this.names[2 * number] = request.id;
    this.names[2 * number + 1] = request.conversation;
    numbers[slot + SLOT.phase] = PHASE.prefill;
    numbers[slot + SLOT.left] = promptTokens - cachedTokens;
    numbers[slot + SLOT.promptTokens] = promptTokens;
    numbers[slot + SLOT.cachedTokens] = cachedTokens;
    numbers[slot + SLOT.outputTokens] = request.outputTokens;
    numbers[slot + SLOT.arrivedMs] = next.arrivedMs;
    numbers[slot + SLOT.modelReadyMs] = next.modelReadyMs;
    numbers[slot + SLOT.prefillBeganMs] = Number.NaN;
    numbers[slot + SLOT.decodeBeganMs] = nowMs;
    numbers[slot + SLOT.abandoned] = 0;
    numbers[this.orderAt + active] = slot;
    this.add(HEAD.active, 1);
    this.regroup(nowMs);
    return true;
  }

  /** The slot with the request's conversation, else the one free for longest. */
  private freeSlotFor(conversation: Id | undefined): number {
    const { numbers } = this;
    let oldest = NONE;
    for (let number = 0, slot = this.slotsAt; number < this.placement.slots; number++, slot += SLOT_NUMBERS) {
      if (numbers[slot + SLOT.phase] !== PHASE.free) continue;
      if (conversation !== undefined && this.names[2 * number + 1] === conversation) return slot;
      if (oldest === NONE || (numbers[slot + SLOT.freedMs] as number) < (numbers[oldest + SLOT.freedMs] as number))
        oldest = slot;
    }
    return oldest;
  }

  private release(slot: number, nowMs: number): void {
    const { numbers, orderAt } = this;
    const number = this.numberOf(slot);
    const left = numbers[slot + SLOT.left] as number;
    const decoded = numbers[slot + SLOT.phase] === PHASE.decode ? (numbers[slot + SLOT.outputTokens] as number) - left : 0;
    this.names[2 * number] = undefined;
    numbers[slot + SLOT.phase] = PHASE.free;
    numbers[slot + SLOT.heldTokens] = (numbers[slot + SLOT.promptTokens] as number) + Math.floor(decoded);
    numbers[slot + SLOT.freedMs] = nowMs;
    this.add(HEAD.active, -1);
    const active = this.activeCount;
    let place = orderAt;
    while (numbers[place] !== slot) place++;
    for (; place < orderAt + active; place++) numbers[place] = numbers[place + 1] as number;
    this.regroup(nowMs);
  }

  /** After a change of who is active, or of a phase. */
  private regroup(nowMs: number): void {
    const { numbers, at } = this;
    numbers[at + HEAD.decodeRate] = 0;
    numbers[at + HEAD.prefilling] = NONE;
    const active = this.activeCount;
    for (let place = 0; place < active; place++) {
      const slot = this.slotAt(place);
      if (numbers[slot + SLOT.phase] !== PHASE.prefill) continue;
      numbers[at + HEAD.prefilling] = slot;
      if (Number.isNaN(numbers[slot + SLOT.prefillBeganMs])) numbers[slot + SLOT.prefillBeganMs] = nowMs;
      return;
    }
  }

  private prefillPerMs(): number {
    return this.placement.prefillTokensPerSec / 1_000;
  }

  /** The batch counts with its mean length of context, half of the answer included. */
  private decodePerMs(): number {
    const { numbers, at } = this;
    const known = numbers[at + HEAD.decodeRate] as number;
    if (known > 0) return known;
    const batch = this.activeCount;
    let contextTokens = 0;
    for (let place = 0; place < batch; place++) {
      const slot = this.slotAt(place);
      contextTokens += (numbers[slot + SLOT.promptTokens] as number) + (numbers[slot + SLOT.outputTokens] as number) / 2;
    }
    const speedup = decodeSpeedup(this.model.batching, batch, contextTokens / batch);
    const rate = (this.placement.decodeTokensPerSec * speedup) / batch / 1_000;
    numbers[at + HEAD.decodeRate] = rate;
    return rate;
  }

  private get prefilling(): number {
    return this.numbers[this.at + HEAD.prefilling] as number;
  }

  private slotAt(place: number): number {
    return this.numbers[this.orderAt + place] as number;
  }

  private numberOf(slot: number): number {
    return (slot - this.slotsAt) / SLOT_NUMBERS;
  }

  private idOf(slot: number): Id {
    const id = this.names[2 * this.numberOf(slot)];
    if (id === undefined) throw new Error("a slot without its request");
    return id;
  }

  /** Of the active slot with this request; -1: none. */
  private slotOf(id: Id): number {
    const active = this.activeCount;
    for (let place = 0; place < active; place++) if (this.idOf(this.slotAt(place)) === id) return this.slotAt(place);
    return NONE;
  }

  private add(column: number, change: number): void {
    this.numbers[this.at + column] = (this.numbers[this.at + column] as number) + change;
  }
}

/** A token whose time has come to a millionth is there. */
const TOKEN_ROUNDING = 1e-6;
