/** Lines about something that lasts: each cause is told once a minute at most, however often it fails a request. */
const EVERY_MS = 60_000;
/** Causes that are remembered at once. Past it one may be told sooner again. */
const CAUSES_MAX = 1_000;

export class MinuteLog {
  readonly #log: (line: string) => void;
  readonly #nowMs: () => number;
  readonly #toldAtMs = new Map<string, number>();

  constructor(log: (line: string) => void, nowMs: () => number = () => performance.now()) {
    this.#log = log;
    this.#nowMs = nowMs;
  }

  tell(cause: string, line: string): void {
    const nowMs = this.#nowMs();
    const toldAtMs = this.#toldAtMs.get(cause);
    if (toldAtMs !== undefined && nowMs - toldAtMs < EVERY_MS) return;
    if (this.#toldAtMs.size >= CAUSES_MAX) this.#toldAtMs.clear();
    this.#toldAtMs.set(cause, nowMs);
    this.#log(line);
  }
}
