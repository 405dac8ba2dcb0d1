/** `GET /metrics`: what a scraper of Prometheus expects. Counters and histograms grow from the start; no reader resets them. */
import type { TaskStats } from "@hubscale/protocol";
import { Counter, Gauge, type Metric, Registry } from "prom-client";
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
  const { metrics } = sources;
  const registry = new Registry();
  const { assignment, loopLag, report, store } = metrics;
  const histograms: Metric[] = [assignment.buckets, report.buckets, store.buckets, loopLag];
  const all = [...histograms, ...nodeMetrics(sources), ...hubMetrics(sources), ...processMetrics()];
  for (const metric of all) registry.registerMetric(metric);
  return { contentType: registry.contentType, text: () => registry.metrics() };
}

/** What this node has done, and who is connected to it. */
function nodeMetrics({ node, metrics: { counters }, roster, agentsKnown, sockets }: PrometheusSources): Metric[] {
  // A label on each sample would begin new series whenever a node starts under a new name.
  const info = gaugeOf("hubscale_node_info", "The node's name.", ["node"], (gauge) => gauge.set({ node }, 1));
  const agents = gaugeOf("hubscale_agents", "Agents connected to this node, by state.", ["state"], (gauge) => {
    for (const state of ["idle", "assigned", "working", "blocked"]) gauge.set({ state }, 0);
    for (const { state } of roster.all()) gauge.inc({ state });
  });
  const refusals = counterOf("hubscale_refusals_total", "What was not taken, and why.", ["reason"], (counter) => {
    counter.inc({ reason: "rate_limited" }, counters.rate_limited);
    counter.inc({ reason: "unavailable" }, counters.unavailable);
    counter.inc({ reason: "violation" }, counters.violations);
    counter.inc({ reason: "too_many_connections" }, counters.connections_refused);
    counter.inc({ reason: "caller_not_allowed" }, counters.callers_refused);
    counter.inc({ reason: "does_not_read" }, counters.slow_clients_dropped);
  });
  const count = (name: string, help: string, value: () => number) =>
    counterOf(`hubscale_${name}_total`, help, [], (counter) => counter.inc(value()));
  return [
    info,
    agents,
    refusals,
    count("http_requests", "HTTP requests.", () => counters.http_requests),
    count("frames_received", "WebSocket frames of clients.", () => counters.frames_in),
    count("frames_sent", "WebSocket frames to clients.", () => counters.frames_out),
    count("tasks_submitted", "Tasks acknowledged to their submitters.", () => counters.tasks_submitted),
    count("tasks_assigned", "Tasks handed to agents of this node.", () => counters.tasks_assigned),
    count("tasks_completed", "Completions acknowledged to agents of this node.", () => counters.tasks_completed),
    count("tasks_failed", "Failures acknowledged to agents of this node.", () => counters.tasks_failed),
    gaugeOf("hubscale_agents_known", "Agents connected to any node of the hub.", [], (gauge) => gauge.set(agentsKnown())),
    gaugeOf("hubscale_sockets", "WebSocket connections to this node.", [], (gauge) => gauge.set(sockets())),
  ];
}

/** Of all nodes, and so the same at each. Absent while the store does not answer. */
function hubMetrics({ stats }: PrometheusSources): Metric[] {
  return [
    gaugeOf("hubscale_tasks", "Tasks of the whole hub, by status; seconds old at most.", ["status"], async (gauge) => {
      const found = await stats();
      if (!found) return;
      for (const status of ["queued", "assigned", "completed"]) gauge.set({ status }, found.by_status[status] ?? 0);
      gauge.set({ status: "dead_letter" }, found.dead_letter);
    }),
    gaugeOf(
      "hubscale_queue_depth",
      "Tasks of the whole hub that wait for an agent; seconds old at most.",
      [],
      async (gauge) => {
        gauge.remove();
        const found = await stats();
        if (found) gauge.set(found.queued_index_size);
      },
    ),
  ];
}

/** Under the names that scrapers know. */
function processMetrics(): Metric[] {
  const startedAtS = Date.now() / 1_000 - process.uptime();
  return [
    counterOf("process_cpu_seconds_total", "CPU time of the process, user and system.", [], (counter) => {
      const { user, system } = process.cpuUsage();
      counter.inc((user + system) / 1e6);
    }),
    gaugeOf("process_resident_memory_bytes", "Memory of the process.", [], (gauge) => gauge.set(process.memoryUsage.rss())),
    gaugeOf("process_start_time_seconds", "When the process started, in Unix seconds.", [], (gauge) => gauge.set(startedAtS)),
  ];
}

/** Read anew at each scrape. */
function gaugeOf<L extends string>(
  name: string,
  help: string,
  labelNames: L[],
  read: (gauge: Gauge<L>) => void | Promise<void>,
): Metric {
  return new Gauge<L>({
    name,
    help,
    labelNames,
    registers: [],
    collect() {
      this.reset();
      return read(this);
    },
  });
}

/** The same of what only grows, and is counted elsewhere. */
function counterOf<L extends string>(name: string, help: string, labelNames: L[], read: (counter: Counter<L>) => void): Metric {
  return new Counter<L>({
    name,
    help,
    labelNames,
    registers: [],
    collect() {
      this.reset();
      read(this);
    },
  });
}
