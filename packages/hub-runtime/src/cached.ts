/** What costs the store a scan, or an engine a question: asked at most once in a while, however many want to know. */
import type { Clock } from "./ports.ts";

export class Cached<T> {
  readonly #read: () => Promise<T>;
  readonly #clock: Clock;
  #last: { value: T; atMs: number } | undefined;
  #underWay: Promise<T> | undefined;

  constructor(clock: Clock, read: () => Promise<T>) {
    this.#clock = clock;
    this.#read = read;
  }

  /** As it was within the last `CACHED_MS`. Rejects as the reading does; the next call reads again then. */
  get(): Promise<T> {
    if (this.#last && this.#clock.monotonicMs() - this.#last.atMs < CACHED_MS) return Promise.resolve(this.#last.value);
    this.#underWay ??= this.#refresh().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  async #refresh(): Promise<T> {
    const atMs = this.#clock.monotonicMs();
    const value = await this.#read();
    this.#last = { value, atMs };
    return value;
  }
}

export const CACHED_MS = 5_000;
