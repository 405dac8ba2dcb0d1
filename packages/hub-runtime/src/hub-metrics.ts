/** What this node has done and how it feels, in memory only: for `GET /api/metrics` and `GET /metrics`. Nobody's reading changes it. */
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { Histogram } from "prom-client";
import type { Cancel, Clock } from "./ports.ts";

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
  callers_refused: number;
}

/** How the process felt in the last whole window. */
interface Felt {
  event_loop: { utilization: number; delay_ms: { p50: number; p99: number; max: number } | null };
  cpu: { utilization: number };
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
    callers_refused: 0,
  };
  /** From the creation of a task to its handing out. */
  readonly assignment = new Latency(
    "hubscale_assignment_seconds",
    "From the submission of a task to its assignment to an agent.",
  );
  /** From the arrival of an agent's report on a task to the answer. */
  readonly report = new Latency("hubscale_report_seconds", "From an agent's report on a task to the answer.");
  /** One answer of what keeps the tasks: a commit of the single hub, a round trip to an engine. */
  readonly store = new Latency(
    "hubscale_store_seconds",
    "One answer of what keeps the tasks: a commit of the single hub, a round trip to Redis or NATS.",
  );
  readonly loopLag = histogram("hubscale_event_loop_lag_seconds", "By how much timers of the process were late.");
  readonly #loopDelay = monitorEventLoopDelay({ resolution: LOOP_SAMPLE_MS });
  readonly #startedAtMs: number;
  readonly #clock: Clock;
  readonly #cancels: Cancel[];
  #loop = performance.eventLoopUtilization();
  #cpu = process.cpuUsage();
  #windowBeganMs = performance.now();
  #felt: Felt | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAtMs = clock.nowMs();
    this.#loopDelay.enable();
    const window = setInterval(() => {
      this.#felt = this.#feel();
      this.#beginWindow();
    }, WINDOW_MS).unref();
    let dueMs = performance.now() + LAG_SAMPLE_MS;
    const lag = setInterval(() => {
      const nowMs = performance.now();
      this.loopLag.observe(Math.max(0, nowMs - dueMs) / 1_000);
      dueMs = nowMs + LAG_SAMPLE_MS;
    }, LAG_SAMPLE_MS).unref();
    this.#cancels = [() => clearInterval(window), () => clearInterval(lag)];
  }

  /** Shares and delays are those of the last whole window of 5 s; counters and times those since the start. */
  snapshot(): Record<string, unknown> {
    const { event_loop, cpu } = this.#felt ?? this.#feel();
    const { user, system } = process.cpuUsage();
    return {
      uptime_ms: this.#clock.nowMs() - this.#startedAtMs,
      counters: { ...this.counters },
      latency: { assign_ms: this.assignment.recent.summary(), report_ms: this.report.recent.summary() },
      event_loop: { ...event_loop, ...loopTimes() },
      cpu: { user_ms: Math.round(user / 1_000), system_ms: Math.round(system / 1_000), ...cpu },
      memory: { rss_bytes: process.memoryUsage.rss() },
    };
  }

  close(): void {
    this.#loopDelay.disable();
    for (const cancel of this.#cancels) cancel();
  }

  #feel(): Felt {
    const { user, system } = process.cpuUsage(this.#cpu);
    const delay = this.#loopDelay;
    const known = delay.count > 0;
    return {
      event_loop: {
        utilization: performance.eventLoopUtilization(this.#loop).utilization,
        delay_ms: known ? { p50: inMs(delay.percentile(50)), p99: inMs(delay.percentile(99)), max: inMs(delay.max) } : null,
      },
      cpu: { utilization: (user + system) / 1_000 / Math.max(1, performance.now() - this.#windowBeganMs) },
    };
  }

  #beginWindow(): void {
    this.#loop = performance.eventLoopUtilization();
    this.#cpu = process.cpuUsage();
    this.#windowBeganMs = performance.now();
    this.#loopDelay.reset();
  }
}

function loopTimes(): { active_ms: number; idle_ms: number } {
  const { active, idle } = performance.eventLoopUtilization();
  return { active_ms: active, idle_ms: idle };
}

/** A latency in both forms: percentiles of the last values for people, buckets since the start for Prometheus. */
export class Latency {
  readonly recent = new RecentValues(LATENCY_WINDOW);
  readonly buckets: Histogram;

  constructor(name: string, help: string) {
    this.buckets = histogram(name, help);
  }

  add(milliseconds: number): void {
    this.recent.add(milliseconds);
    this.buckets.observe(milliseconds / 1_000);
  }
}

/** From a sync of a fast disk to a task that waited for a minute. */
const BUCKETS_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

function histogram(name: string, help: string): Histogram {
  return new Histogram({ name, help, buckets: BUCKETS_S, registers: [] });
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

const WINDOW_MS = 5_000;

/** Between two samples of the event loop's delay. */
const LOOP_SAMPLE_MS = 10;
const LAG_SAMPLE_MS = 100;

/** A sample is the time between two runs of the sampling timer: what exceeds its period is delay. */
function inMs(nanoseconds: number): number {
  return Math.max(0, Math.round(nanoseconds / 1_000) / 1_000 - LOOP_SAMPLE_MS);
}
