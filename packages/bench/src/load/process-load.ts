import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";

/** What one process of a simulation has cost so far, and whether it came to its work in time. */
export interface ProcessLoad {
  cpuSeconds: number;
  rssBytes: number;
  /** Resident memory when the watch began. */
  rssAtStartBytes: number;
  loopDelayMsP99: number;
}

/** The histogram counts from timer to timer, so this is taken off what it shows. */
const SAMPLE_MS = 10;

/** Watches this process from its making on. */
export class ProcessWatch {
  readonly #loop: IntervalHistogram = monitorEventLoopDelay({ resolution: SAMPLE_MS });
  readonly #rssAtStartBytes = process.memoryUsage.rss();
  #cpuAtStart = process.cpuUsage();

  constructor() {
    this.#loop.enable();
  }

  /** From now on, but for the memory: what came before was another phase. */
  restart(): void {
    this.#loop.reset();
    this.#cpuAtStart = process.cpuUsage();
  }

  read(): ProcessLoad {
    const { user, system } = process.cpuUsage(this.#cpuAtStart);
    return {
      cpuSeconds: (user + system) / 1e6,
      rssBytes: process.memoryUsage.rss(),
      rssAtStartBytes: this.#rssAtStartBytes,
      loopDelayMsP99: this.#loop.count === 0 ? 0 : Math.max(0, this.#loop.percentile(99) / 1e6 - SAMPLE_MS),
    };
  }

  stop(): void {
    this.#loop.disable();
  }
}
