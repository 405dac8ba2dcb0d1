/**
 * A loaded model at work: its slots, the queue before them, prefill one prompt at a time, decode of all slots together.
 * Time passes in `elapse`; the owner must not let it pass beyond `msUntilNext`. What changes while time passes is one row of numbers.
 * A simulation of many runners has their rows beside each other, and one object for all of a kind, which turns from row to row
 * (docs/decisions/0064).
 */
import { decodeSpeedup } from "./batching-curve.ts";
import type { LlmModel } from "./llm-models.ts";
import type { Placement } from "./model-placement.ts";
import { HEAD, HEAD_NUMBERS, PHASE, type RunnerRows, runnerNumbers, SLOT, SLOT_NUMBERS } from "./runner-row.ts";
import { type Admitted, NOBODY, WaitingRequests } from "./waiting-requests.ts";
import type { OllamaEffect, OllamaRequest, OllamaTimings } from "./ollama-request.ts";

const NONE = -1;

/** Work of less than a microsecond counts as done: times are sums of floating point numbers. */
const DONE_MS = 1e-3;

export class Runner<Id extends string | number = string> {
  readonly model: LlmModel;
  readonly placement: Placement;
  private readonly numbers: Float64Array;
  private readonly names: RunnerRows<Id>["names"];
  private at = 0;
  private orderAt = 0;
  private slotsAt = 0;
  /** Of all rows who waits: a FIFO for each, without a bound; a semaphore in Ollama. */
  private readonly waiting = new WaitingRequests<Id>();

  /** Without `rows`: one runner that has its own. */
  constructor(model: LlmModel, placement: Placement, rows?: RunnerRows<Id>) {
    this.model = model;
    this.placement = placement;
    this.numbers = rows?.numbers ?? new Float64Array(runnerNumbers(placement.slots));
    this.names = rows?.names ?? [];
    if (!rows) this.begin(0);
  }

  /** A runner whose row begins at `at`, with nothing to do. */
  begin(at: number): void {
    this.turnTo(at);
    this.numbers[at + HEAD.prefilling] = NONE;
    this.numbers[at + HEAD.firstWaiting] = NOBODY;
    for (let number = 0, slot = this.slotsAt; number < this.placement.slots; number++, slot += SLOT_NUMBERS) {
      this.names[slot + SLOT.conversation] = undefined;
      this.numbers[slot + SLOT.freedMs] = Number.NEGATIVE_INFINITY;
    }
  }

  /** From here on this is the runner whose row begins at `at`. */
  turnTo(at: number): void {
    this.at = at;
    this.orderAt = at + HEAD_NUMBERS;
    this.slotsAt = this.orderAt + this.placement.slots;
  }

  get waitingCount(): number {
    return (this.numbers[this.at + HEAD.waiting] as number) | 0;
  }

  get activeCount(): number {
    return (this.numbers[this.at + HEAD.active] as number) | 0;
  }

  /** Requests whose client is still there; at 0 the model is idle to the scheduler. */
  get references(): number {
    return this.waitingCount + this.activeCount - (this.numbers[this.at + HEAD.abandoned] as number);
  }

  /** Of the request that the slot with this number served last, or serves. */
  lastIdOf(number: number): Id | undefined {
    return this.names[this.slotsAt + number * SLOT_NUMBERS + SLOT.request];
  }

  get isBusy(): boolean {
    return this.activeCount > 0;
  }

  /** Call `settle` afterwards. */
  enqueue(admitted: Admitted<Id>): void {
    this.waiting.putLast(this.numbers, this.at, this.waiting.add(admitted));
  }

  /** As `enqueue` and `settleFinished` for a model that is there, without the queue for whom nobody is before. */
  ask(request: OllamaRequest<Id>, nowMs: number, finished: Id[]): void {
    this.settleFinished(nowMs, finished);
    const place = this.waiting.add({ request, arrivedMs: nowMs, modelReadyMs: nowMs });
    const slot = this.waitingCount > 0 ? NONE : this.freeSlotFor(request.conversation);
    if (slot === NONE) {
      this.waiting.putLast(this.numbers, this.at, place);
      return;
    }
    this.admit(slot, place, nowMs);
    this.settleFinished(nowMs, finished);
  }

  /** False: it does not wait. */
  private leaveQueue(id: Id): boolean {
    const { waiting, numbers, at } = this;
    let before = NOBODY;
    for (let place = numbers[at + HEAD.firstWaiting] as number; place !== NOBODY; place = waiting.next[place] as number) {
      if (waiting.ids[place] === id) {
        waiting.takeOut(numbers, this.at, place, before);
        waiting.remove(place);
        return true;
      }
      before = place;
    }
    return false;
  }

  /** False: not here. Call `settle` afterwards. */
  cancel(id: Id, nowMs: number): boolean {
    if (this.leaveQueue(id)) return true;
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
    for (let place = 0; place < active; place++) {
      const slot = this.slotAt(place);
      const left = numbers[slot + SLOT.left] as number;
      if (numbers[slot + SLOT.phase] === PHASE.decode) {
        if (left <= DONE_MS * this.decodePerMs()) return slot;
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
    if (this.waitingCount === 0) return false;
    const place = (this.numbers[this.at + HEAD.firstWaiting] as number) | 0;
    const slot = this.freeSlotFor(this.waiting.conversations[place]);
    if (slot === NONE) return false;
    this.waiting.takeOut(this.numbers, this.at, place, NOBODY);
    this.admit(slot, place, nowMs);
    return true;
  }

  /** Who waits at this place, in no queue, gets the slot. */
  private admit(slot: number, place: number, nowMs: number): void {
    const { numbers, names, waiting } = this;
    const conversation = waiting.conversations[place];
    const promptTokens = Math.min(waiting.promptTokens[place] as number, this.placement.contextTokens);
    const known = conversation !== undefined && names[slot + SLOT.conversation] === conversation;
    // llama-server evaluates at least one token, to have something to go on from.
    const held = numbers[slot + SLOT.heldTokens] as number;
    const cachedTokens = known ? Math.max(0, Math.min(held, promptTokens - 1)) : 0;
    names[slot + SLOT.request] = waiting.ids[place];
    names[slot + SLOT.conversation] = conversation;
    numbers[slot + SLOT.phase] = PHASE.prefill;
    numbers[slot + SLOT.left] = promptTokens - cachedTokens;
    numbers[slot + SLOT.promptTokens] = promptTokens;
    numbers[slot + SLOT.cachedTokens] = cachedTokens;
    numbers[slot + SLOT.outputTokens] = waiting.outputTokens[place] as number;
    numbers[slot + SLOT.arrivedMs] = waiting.arrivedMs[place] as number;
    numbers[slot + SLOT.modelReadyMs] = waiting.modelReadyMs[place] as number;
    numbers[slot + SLOT.prefillBeganMs] = Number.NaN;
    numbers[slot + SLOT.decodeBeganMs] = nowMs;
    numbers[slot + SLOT.abandoned] = 0;
    waiting.remove(place);
    numbers[this.orderAt + this.activeCount] = slot;
    this.add(HEAD.active, 1);
    numbers[this.at + HEAD.decodeRate] = 0;
    this.regroup(nowMs);
  }

  /** The slot with the request's conversation, else the one free for longest. */
  private freeSlotFor(conversation: Id | undefined): number {
    const { numbers, names } = this;
    if (this.activeCount === this.placement.slots) return NONE;
    let oldest = NONE;
    for (let number = 0, slot = this.slotsAt; number < this.placement.slots; number++, slot += SLOT_NUMBERS) {
      if (numbers[slot + SLOT.phase] !== PHASE.free) continue;
      if (conversation !== undefined && names[slot + SLOT.conversation] === conversation) return slot;
      if (oldest === NONE || (numbers[slot + SLOT.freedMs] as number) < (numbers[oldest + SLOT.freedMs] as number))
        oldest = slot;
    }
    return oldest;
  }

  private release(slot: number, nowMs: number): void {
    const { numbers, orderAt } = this;
    const left = numbers[slot + SLOT.left] as number;
    const decoded = numbers[slot + SLOT.phase] === PHASE.decode ? (numbers[slot + SLOT.outputTokens] as number) - left : 0;
    numbers[slot + SLOT.phase] = PHASE.free;
    numbers[slot + SLOT.heldTokens] = (numbers[slot + SLOT.promptTokens] as number) + Math.floor(decoded);
    numbers[slot + SLOT.freedMs] = nowMs;
    this.add(HEAD.active, -1);
    numbers[this.at + HEAD.decodeRate] = 0;
    const active = this.activeCount;
    let place = orderAt;
    while (numbers[place] !== slot) place++;
    for (; place < orderAt + active; place++) numbers[place] = numbers[place + 1] as number;
    this.regroup(nowMs);
  }

  /** After a change of who is active, or of a phase. */
  private regroup(nowMs: number): void {
    const { numbers, at } = this;
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
    const known = this.numbers[this.at + HEAD.decodeRate] as number;
    return known > 0 ? known : this.findDecodeRate();
  }

  private findDecodeRate(): number {
    const { numbers, at } = this;
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
    return (this.numbers[this.at + HEAD.prefilling] as number) | 0;
  }

  private slotAt(place: number): number {
    return (this.numbers[this.orderAt + place] as number) | 0;
  }

  private idOf(slot: number): Id {
    const id = this.names[slot + SLOT.request];
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
