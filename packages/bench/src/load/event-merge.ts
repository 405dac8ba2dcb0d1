import type { SidecarEvent } from "@hubscale/sidecar-sim";

interface Source {
  waiting: SidecarEvent[];
  /** Nothing earlier will come from it any more. */
  completeUntilMs: number;
}

/**
 * Puts the events of several processes into one order. What a process says of a task may depend on what another did with it before,
 * so an event is let through only when every process has told all that it knows up to that time.
 */
export class EventMerge {
  readonly #sources: Source[];
  readonly #release: (event: SidecarEvent) => void;

  constructor(sources: number, release: (event: SidecarEvent) => void) {
    this.#sources = Array.from({ length: sources }, () => ({ waiting: [], completeUntilMs: Number.NEGATIVE_INFINITY }));
    this.#release = release;
  }

  /** `events` in the order of their times, none before an earlier `completeUntilMs` of the same source. */
  add(source: number, events: readonly SidecarEvent[], completeUntilMs: number): void {
    const from = this.#sources[source] as Source;
    for (const event of events) from.waiting.push(event);
    from.completeUntilMs = completeUntilMs;
    this.#let();
  }

  /** A source has ended: it is waited for no more. */
  end(source: number): void {
    (this.#sources[source] as Source).completeUntilMs = Number.POSITIVE_INFINITY;
    this.#let();
  }

  #let(): void {
    const untilMs = Math.min(...this.#sources.map((source) => source.completeUntilMs));
    const due = this.#sources.flatMap((source) => {
      const later = source.waiting.findIndex((event) => event.atMs > untilMs);
      return source.waiting.splice(0, later < 0 ? source.waiting.length : later);
    });
    due.sort((a, b) => a.atMs - b.atMs);
    for (const event of due) this.#release(event);
  }
}
