/** What a node has asked of NATS and waits for. Each has a bound of its own; what stores is also known by its stream. */
import type { Msg, Subscription } from "@nats-io/transport-node";

export interface PendingRequest {
  readonly subject: string;
  readonly atMs: number;
  /** When it counts as not answered. */
  readonly untilMs: number;
  /** The stream that it stores a message in. */
  readonly stores: string | undefined;
  /** Of its own, where the answers do not tell by their subject to what. */
  readonly inbox: Subscription | undefined;
  /** True: more messages are to come. */
  answer(message: Msg): boolean;
  /** Nobody has answered in time. */
  expire(): void;
  fail(error: Error): void;
}

export class PendingRequests {
  readonly #all = new Map<string, PendingRequest>();
  /** By stream, in the order in which they were asked. */
  readonly #stores = new Map<string, Map<string, PendingRequest>>();

  get size(): number {
    return this.#all.size;
  }

  get(token: string): PendingRequest | undefined {
    return this.#all.get(token);
  }

  add(token: string, request: PendingRequest): void {
    this.#all.set(token, request);
    if (request.stores === undefined) return;
    const ofStream = this.#stores.get(request.stores);
    if (ofStream) ofStream.set(token, request);
    else this.#stores.set(request.stores, new Map([[token, request]]));
  }

  remove(token: string): void {
    const { stores } = this.#all.get(token) ?? {};
    this.#all.delete(token);
    if (stores !== undefined) this.#stores.get(stores)?.delete(token);
  }

  /** When the oldest that waits to be stored in the stream was asked; undefined: none waits. */
  oldestStoreMs(stream: string): number | undefined {
    for (const { atMs } of this.#stores.get(stream)?.values() ?? []) return atMs;
    return undefined;
  }

  /** Takes out those of which this is true. */
  take(fits: (request: PendingRequest) => boolean): PendingRequest[] {
    const taken: PendingRequest[] = [];
    for (const [token, request] of this.#all) {
      if (!fits(request)) continue;
      this.remove(token);
      taken.push(request);
    }
    return taken;
  }
}
