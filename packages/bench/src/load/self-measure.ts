import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import type { GeneratorLoad } from "./generator-protocol.ts";
import { LatencyRecord } from "./latency-record.ts";

/** The histogram counts from timer to timer, so this is taken off what it shows. */
const LOOP_SAMPLE_MS = 5;

/** Watches this process between `start` and `stop`: whether it had the time to be a fair judge. */
export class SelfMeasure {
  readonly #lag = new LatencyRecord();
  readonly #loop: IntervalHistogram = monitorEventLoopDelay({ resolution: LOOP_SAMPLE_MS });
  #lagMaxMs = 0;
  #inFlightMax = 0;
  #cpuAtStart: NodeJS.CpuUsage = { user: 0, system: 0 };
  #startedMs = 0;

  start(): void {
    this.#loop.enable();
    this.#cpuAtStart = process.cpuUsage();
    this.#startedMs = performance.now();
  }

  /** A submission left `lagMs` after its intended time, as the `inFlight`th that waits for its answer. */
  sent(lagMs: number, inFlight: number): void {
    this.#lag.add(lagMs);
    if (lagMs > this.#lagMaxMs) this.#lagMaxMs = lagMs;
    if (inFlight > this.#inFlightMax) this.#inFlightMax = inFlight;
  }

  stop(): GeneratorLoad {
    this.#loop.disable();
    const { user, system } = process.cpuUsage(this.#cpuAtStart);
    const cpuSeconds = (user + system) / 1e6;
    const delayMs = (nanos: number) => Math.max(0, nanos / 1e6 - LOOP_SAMPLE_MS);
    return {
      cpuSeconds,
      cpuShare: cpuSeconds / ((performance.now() - this.#startedMs) / 1000),
      scheduleLagMs: { p50: this.#lag.quantileMs(50), p99: this.#lag.quantileMs(99), max: this.#lagMaxMs },
      loopDelayMs: {
        p50: delayMs(this.#loop.percentile(50)),
        p99: delayMs(this.#loop.percentile(99)),
        max: delayMs(this.#loop.max),
      },
      submissionsInFlightMax: this.#inFlightMax,
      rssBytes: process.memoryUsage.rss(),
    };
  }
}
