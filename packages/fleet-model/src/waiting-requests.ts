/** Requests that wait for a slot: in columns instead of an object each, so that those of a long simulation leave nothing behind. */
import type { OllamaRequest } from "./ollama-request.ts";

export interface Admitted<Id = string> {
  request: OllamaRequest<Id>;
  arrivedMs: number;
  /** When its model was there. */
  modelReadyMs: number;
}

/** Nobody: behind the last of a queue. */
export const NOBODY = -1;

/** By place, of which `add` names one. A queue is a list of places, kept by whose it is. */
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

  /** It waits no longer. */
  remove(place: number): void {
    this.next[place] = this.free;
    this.free = place;
  }
}
