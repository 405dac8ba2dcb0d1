/** What this node has done and how it feels, in memory only: for `GET /api/metrics`. */
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import type { Clock } from "./ports.ts";

export interface Counters {
  frames_in: number;
  frames_out: number;
  http_requests: number;
  tasks_submitted: number;
  tasks_assigned: number;
  tasks_completed: number;
  tasks_failed: number;
  violations: number;
  rate_limited: number;
  unavailable: number;
  slow_clients_dropped: number;
  connections_refused: number;
}

export class HubMetrics {
  readonly counters: Counters = {
    frames_in: 0,
    frames_out: 0,
    http_requests: 0,
    tasks_submitted: 0,
    tasks_assigned: 0,
    tasks_completed: 0,
    tasks_failed: 0,
    violations: 0,
    rate_limited: 0,
    unavailable: 0,
    slow_clients_dropped: 0,
    connections_refused: 0,
  };
  /** From the creation of a task to its handing out. */
  readonly assignMs = new RecentValues(LATENCY_WINDOW);
  /** From the arrival of an agent's report on a task to the answer. */
  readonly reportMs = new RecentValues(LATENCY_WINDOW);
  readonly #loopDelay = monitorEventLoopDelay({ resolution: LOOP_SAMPLE_MS });
  readonly #clock: Clock;
  readonly #startedAtMs: number;
  #loop = performance.eventLoopUtilization();
  #cpu = process.cpuUsage();
  #cpuAtMs = performance.now();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAtMs = clock.nowMs();
    this.#loopDelay.enable();
  }

  /** Shares, delays and the CPU rate are those since the last snapshot; counters those since the start. */
  snapshot(): Record<string, unknown> {
    const loop = performance.eventLoopUtilization();
    const cpu = process.cpuUsage();
    const nowMs = performance.now();
    const spent = cpu.user + cpu.system - this.#cpu.user - this.#cpu.system;
    const delay = this.#loopDelay;
    const snapshot = {
      uptime_ms: this.#clock.nowMs() - this.#startedAtMs,
      counters: { ...this.counters },
      latency: { assign_ms: this.assignMs.summary(), report_ms: this.reportMs.summary() },
      event_loop: {
        utilization: performance.eventLoopUtilization(loop, this.#loop).utilization,
        // Right after a reset there are no samples yet.
        delay_ms:
          delay.count > 0 ? { p50: inMs(delay.percentile(50)), p99: inMs(delay.percentile(99)), max: inMs(delay.max) } : null,
      },
      cpu: {
        user_ms: Math.round(cpu.user / 1_000),
        system_ms: Math.round(cpu.system / 1_000),
        utilization: spent / 1_000 / Math.max(1, nowMs - this.#cpuAtMs),
      },
      memory: { rss_bytes: process.memoryUsage.rss() },
    };
    this.#loop = loop;
    this.#cpu = cpu;
    this.#cpuAtMs = nowMs;
    delay.reset();
    return snapshot;
  }

  close(): void {
    this.#loopDelay.disable();
  }
}

/** The last values of a series, for percentiles. */
export class RecentValues {
  readonly #values: Float64Array;
  #count = 0;

  constructor(capacity: number) {
    this.#values = new Float64Array(capacity);
  }

  add(value: number): void {
    this.#values[this.#count++ % this.#values.length] = value;
  }

  summary(): { count: number; p50: number | null; p99: number | null; max: number | null } {
    const sorted = this.#values.slice(0, Math.min(this.#count, this.#values.length)).sort();
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null;
    return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
  }
}

/** Enough for a steady p99, little enough to follow a change within seconds. */
const LATENCY_WINDOW = 1_000;

/** Between two samples of the event loop's delay. */
const LOOP_SAMPLE_MS = 10;

/** A sample is the time between two runs of the sampling timer: what exceeds its period is delay. */
function inMs(nanoseconds: number): number {
  return Math.max(0, Math.round(nanoseconds / 1_000) / 1_000 - LOOP_SAMPLE_MS);
}
