/** Requests that wait for a slot: in columns instead of an object each, so that those of a long simulation leave nothing behind. */
import type { OllamaRequest } from "./ollama-request.ts";
import { HEAD } from "./runner-row.ts";

export interface Admitted<Id = string> {
  request: OllamaRequest<Id>;
  arrivedMs: number;
  /** When its model was there. */
  modelReadyMs: number;
}

/** Nobody: behind the last of a queue. */
export const NOBODY = -1;

/** By place, of which `add` names one. A queue is a list of places; its ends are in the row of the runner whose it is, which begins at `at` of `numbers`. */
export class WaitingRequests<Id> {
  readonly ids: (Id | undefined)[] = [];
  readonly conversations: (Id | undefined)[] = [];
  readonly promptTokens: number[] = [];
  readonly outputTokens: number[] = [];
  readonly arrivedMs: number[] = [];
  readonly modelReadyMs: number[] = [];
  /** The place of the next in the same queue, or of the next free one. */
  readonly next: number[] = [];
  private free = NOBODY;

  add({ request, arrivedMs, modelReadyMs }: Admitted<Id>): number {
    const place = this.free === NOBODY ? this.next.length : this.free;
    this.free = this.next[place] ?? NOBODY;
    this.ids[place] = request.id;
    this.conversations[place] = request.conversation;
    this.promptTokens[place] = request.promptTokens;
    this.outputTokens[place] = request.outputTokens;
    this.arrivedMs[place] = arrivedMs;
    this.modelReadyMs[place] = modelReadyMs;
    this.next[place] = NOBODY;
    return place;
  }

  putLast(numbers: Float64Array, at: number, place: number): void {
    const waiting = numbers[at + HEAD.waiting] as number;
    if (waiting === 0) numbers[at + HEAD.firstWaiting] = place;
    else this.next[numbers[at + HEAD.lastWaiting] as number] = place;
    numbers[at + HEAD.lastWaiting] = place;
    numbers[at + HEAD.waiting] = waiting + 1;
  }

  /** `before`: who waits just before this one; NOBODY: it is the first. It keeps its place until it is removed. */
  takeOut(numbers: Float64Array, at: number, place: number, before: number): void {
    const next = this.next[place] as number;
    if (before === NOBODY) numbers[at + HEAD.firstWaiting] = next;
    else this.next[before] = next;
    if (next === NOBODY) numbers[at + HEAD.lastWaiting] = before;
    numbers[at + HEAD.waiting] = (numbers[at + HEAD.waiting] as number) - 1;
  }

  /** It waits no longer. */
  remove(place: number): void {
    this.next[place] = this.free;
    this.free = place;
  }
}
