/** The summary of a comparison and its charts as one page. */
import * as Plot from "@observablehq/plot";
import type { CompareResult } from "../results/compare-result.ts";
import { figure, list, PALETTE, paragraph, renderPage, svg, SYMBOLS, tableHtml } from "./page.ts";
import type { Summary } from "./summary.ts";

export function renderHtml(summary: Summary, result: CompareResult): string {
  return renderPage({
    title: summary.title,
    headline: summary.verdict,
    parts: [
      paragraph(summary.stamp),
      tableHtml(summary.main),
      figure(capacityChart(result), "Capacity in tasks/s with its 95 % interval; the axis is logarithmic."),
      list("Because", summary.because),
      list("Next bottleneck", summary.nextBottleneck),
      list("Flips when", summary.flipsWhen),
      list("Marginal gains", summary.marginal),
      list("Scaling", summary.scaling),
      list("Model error", summary.modelError),
      list("Invalid", summary.invalid),
      figure(
        latencyChart(result),
        "99th percentile from the intended submission to the assignment, one dot a trial: filled where the SLO held, hollow where it was missed. Both axes are logarithmic.",
      ),
      figure(cpuChart(result), "CPU-ms per completed task, by role; the axis is logarithmic."),
      tableHtml(summary.costs),
      tableHtml(summary.work),
      tableHtml(summary.checks),
      tableHtml(summary.machine),
      list("Not measured", summary.notMeasured),
    ],
  });
}

function capacityChart(result: CompareResult): string {
  const rows = result.hubs.flatMap((hub) => {
    const capacity = hub.capacity.tasksPerSec;
    return capacity ? [{ hub: hub.id, value: capacity.value, low: capacity.low, high: capacity.high }] : [];
  });
  if (rows.length === 0) return "<p>No capacity was found.</p>";
  return svg({
    ariaLabel: "Capacity by hub",
    marginLeft: 170,
    height: 60 + 36 * rows.length,
    x: { type: "log", label: "tasks/s", grid: true },
    y: { label: null, domain: rows.map((row) => row.hub) },
    marks: [
      Plot.ruleY(rows, { y: "hub", x1: "low", x2: "high", stroke: "currentColor", strokeWidth: 2 }),
      Plot.dot(rows, { y: "hub", x: "value", r: 5, fill: "currentColor" }),
    ],
  });
}

function latencyChart(result: CompareResult): string {
  const dots = result.hubs.flatMap((hub) =>
    hub.trials.flatMap((trial) =>
      trial.assignMsP99 === null || trial.outcome === "invalid"
        ? []
        : [{ hub: hub.id, load: trial.load, ms: trial.assignMsP99, held: trial.outcome === "held" }],
    ),
  );
  if (dots.length === 0) return "<p>No trial was valid.</p>";
  return svg({
    ariaLabel: "Assignment latency against offered load",
    marginLeft: 60,
    x: { type: "log", label: "offered tasks/s", grid: true },
    y: { type: "log", label: "assign p99, ms", grid: true },
    color: { legend: false, domain: result.hubs.map((hub) => hub.id), range: PALETTE },
    symbol: { legend: false, domain: result.hubs.map((hub) => hub.id), range: SYMBOLS },
    marks: [
      Plot.dot(
        dots.filter((dot) => !dot.held),
        { x: "load", y: "ms", stroke: "hub", symbol: "hub", r: 5 },
      ),
      Plot.dot(
        dots.filter((dot) => dot.held),
        { x: "load", y: "ms", fill: "hub", symbol: "hub", r: 5 },
      ),
      Plot.text(labelled(dots), { x: "load", y: "ms", text: "hub", dy: -14, fill: "currentColor" }),
    ],
  });
}

/** One dot a hub carries its name: the one at the highest held load, else its first. */
function labelled<T extends { hub: string; load: number; held: boolean }>(dots: T[]): T[] {
  const best = new Map<string, T>();
  for (const dot of dots) {
    const so = best.get(dot.hub);
    if (!so || (dot.held && (!so.held || dot.load > so.load))) best.set(dot.hub, dot);
  }
  return [...best.values()];
}

function cpuChart(result: CompareResult): string {
  const dots = result.hubs.flatMap((hub) =>
    Object.entries(hub.perTask).flatMap(([role, cost]) => (cost.cpuMs ? [{ hub: hub.id, role, ms: cost.cpuMs.value }] : [])),
  );
  if (dots.length === 0) return "<p>No CPU figures.</p>";
  return svg({
    ariaLabel: "CPU per task by role",
    marginLeft: 170,
    height: 60 + 36 * result.hubs.length,
    x: { type: "log", label: "CPU-ms per task", grid: true, ticks: 6, tickFormat: String },
    y: { label: null, domain: result.hubs.map((hub) => hub.id) },
    color: { domain: ["hub", "redis", "nats", "generator"], range: PALETTE },
    symbol: { domain: ["hub", "redis", "nats", "generator"], range: SYMBOLS },
    marks: [
      Plot.dot(dots, { y: "hub", x: "ms", fill: "role", symbol: "role", r: 5 }),
      Plot.text(dots, { y: "hub", x: "ms", text: "role", dy: -12, fill: "currentColor" }),
    ],
  });
}
