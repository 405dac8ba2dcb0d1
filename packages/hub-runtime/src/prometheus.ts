/** `GET /metrics`: what a scraper of Prometheus expects. Counters and histograms grow from the start; no reader resets them. */
import type { TaskStats } from "@hubscale/protocol";
import { Counter, Gauge, Registry } from "prom-client";
import type { HubMetrics } from "./hub-metrics.ts";
import type { LocalRoster } from "./roster.ts";

export interface PrometheusSources {
  node: string;
  metrics: HubMetrics;
  roster: LocalRoster;
  /** Agents connected to any node, as this one knows. */
  agentsKnown(): number;
  sockets(): number;
  /** May be seconds old. Null: the store cannot say now. */
  stats(): Promise<TaskStats | null>;
}

export interface PrometheusMetrics {
  readonly contentType: string;
  text(): Promise<string>;
}

export function prometheusMetrics(sources: PrometheusSources): PrometheusMetrics {
  const { metrics, roster } = sources;
  const { counters } = metrics;
  const registry = new Registry();
  // A label on each sample would begin new series whenever a node starts under a new name.
  new Gauge({ name: "hubscale_node_info", help: "The node's name.", labelNames: ["node"], registers: [registry] }).set(
    { node: sources.node },
    1,
  );
  for (const histogram of [metrics.assignment.buckets, metrics.report.buckets, metrics.store.buckets, metrics.loopLag]) {
    registry.registerMetric(histogram);
  }

  const counter = (name: string, help: string, value: () => number) =>
    new Counter({
      name: `hubscale_${name}`,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  counter("http_requests_total", "HTTP requests.", () => counters.http_requests);
  counter("frames_received_total", "WebSocket frames of clients.", () => counters.frames_in);
  counter("frames_sent_total", "WebSocket frames to clients.", () => counters.frames_out);
  counter("tasks_submitted_total", "Tasks acknowledged to their submitters.", () => counters.tasks_submitted);
  counter("tasks_assigned_total", "Tasks handed to agents of this node.", () => counters.tasks_assigned);
  counter("tasks_completed_total", "Completions acknowledged to agents of this node.", () => counters.tasks_completed);
  counter("tasks_failed_total", "Failures acknowledged to agents of this node.", () => counters.tasks_failed);
  new Counter({
    name: "hubscale_refusals_total",
    help: "What was not taken, and why.",
    labelNames: ["reason"],
    registers: [registry],
    collect() {
      this.reset();
      this.inc({ reason: "rate_limited" }, counters.rate_limited);
      this.inc({ reason: "unavailable" }, counters.unavailable);
      this.inc({ reason: "violation" }, counters.violations);
      this.inc({ reason: "too_many_connections" }, counters.connections_refused);
      this.inc({ reason: "caller_not_allowed" }, counters.callers_refused);
      this.inc({ reason: "does_not_read" }, counters.slow_clients_dropped);
    },
  });

  new Gauge({
    name: "hubscale_agents",
    help: "Agents connected to this node, by state.",
    labelNames: ["state"],
    registers: [registry],
    collect() {
      this.reset();
      for (const state of ["idle", "assigned", "working", "blocked"]) this.set({ state }, 0);
      for (const { state } of roster.all()) this.inc({ state });
    },
  });
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name: `hubscale_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  gauge("agents_known", "Agents connected to any node of the hub.", () => sources.agentsKnown());
  gauge("sockets", "WebSocket connections to this node.", () => sources.sockets());
  new Gauge({
    name: "hubscale_tasks",
    help: "Tasks of the whole hub, by status; seconds old at most. Absent while the store does not answer.",
    labelNames: ["status"],
    registers: [registry],
    async collect() {
      this.reset();
      const stats = await sources.stats();
      if (!stats) return;
      for (const status of ["queued", "assigned", "completed"] as const) this.set({ status }, stats.by_status[status] ?? 0);
      this.set({ status: "dead_letter" }, stats.dead_letter);
    },
  });
  new Gauge({
    name: "hubscale_queue_depth",
    help: "Tasks of the whole hub that wait for an agent; seconds old at most. Absent while the store does not answer.",
    registers: [registry],
    async collect() {
      this.remove();
      const stats = await sources.stats();
      if (stats) this.set(stats.queued_index_size);
    },
  });

  new Counter({
    name: "process_cpu_seconds_total",
    help: "CPU time of the process, user and system.",
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Memory of the process.",
    registers: [registry],
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  const startedAtS = Date.now() / 1_000 - process.uptime();
  new Gauge({
    name: "process_start_time_seconds",
    help: "When the process started, in Unix seconds.",
    registers: [registry],
    collect() {
      this.set(startedAtS);
    },
  });
  return { contentType: registry.contentType, text: () => registry.metrics() };
}
