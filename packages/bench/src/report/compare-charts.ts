/** The charts of a comparison, from its result, for the page and for files alike. Null: there is nothing to draw. */
import * as Plot from "@observablehq/plot";
import { type ChartTheme, SYMBOLS } from "../page/chart-theme.ts";
import type { ChartOptions } from "../page/fleet-charts.ts";
import type { CompareResult } from "../results/compare-result.ts";
import { uslThroughput } from "../statistics/usl.ts";

export function capacityChart(result: CompareResult, { ink, series }: ChartTheme): ChartOptions | null {
  const rows = result.hubs.flatMap((hub) => {
    const capacity = hub.capacity.tasksPerSec;
    return capacity ? [{ hub: hub.id, value: capacity.value, low: capacity.low, high: capacity.high }] : [];
  });
  if (rows.length === 0) return null;
  return {
    ariaLabel: "Capacity by hub",
    marginLeft: 170,
    marginBottom: 45,
    height: 75 + 36 * rows.length,
    x: { type: "log", label: "tasks/s", grid: true, tickFormat: "~s" },
    y: { label: null, domain: rows.map((row) => row.hub) },
    marks: [
      Plot.ruleY(rows, { y: "hub", x1: "low", x2: "high", stroke: series[0] ?? ink, strokeWidth: 2 }),
      Plot.dot(rows, { y: "hub", x: "value", r: 5, fill: series[0] ?? ink }),
    ],
  };
}

/** Capacity against hub nodes: measured points with intervals, the fitted law where there is one, the best single hub as a band. */
export function scalingChart(result: CompareResult, { ink, series }: ChartTheme): ChartOptions | null {
  const points = result.hubs.flatMap(({ id, capacity, machines }) =>
    machines.backboneServers > 0 && capacity.tasksPerSec
      ? [{ family: familyOf(id), nodes: machines.hubNodes, ...interval(capacity.tasksPerSec) }]
      : [],
  );
  if (points.length === 0) return null;
  const families = [...new Set(points.map(({ family }) => family))];
  const singles = result.hubs.flatMap(({ id, capacity, machines }) =>
    machines.backboneServers === 0 && capacity.tasksPerSec ? [{ id, ...interval(capacity.tasksPerSec) }] : [],
  );
  const best = singles.toSorted((a, b) => b.value - a.value).slice(0, 1);
  const most = Math.max(...points.map(({ nodes }) => nodes));
  const fits = Object.entries(result.model?.usl ?? {}).flatMap(([family, fit]) =>
    Array.from({ length: 4 * most }, (_, i) => 1 + i / 2).map((nodes) => ({
      family,
      nodes,
      tasksPerSec: uslThroughput({ lambda: fit.lambda.value, alpha: fit.alpha.value, beta: fit.beta.value }, nodes),
    })),
  );
  const colour = (family: string) => series[families.indexOf(family) % series.length] ?? ink;
  return {
    ariaLabel: "Capacity against the number of hub nodes",
    marginLeft: 70,
    marginRight: 120,
    marginBottom: 45,
    height: 340,
    x: { label: "hub nodes", ticks: most, tickFormat: "d" },
    y: { label: "tasks/s", grid: true, zero: true, tickFormat: "~s" },
    symbol: { domain: families, range: SYMBOLS },
    marks: [
      Plot.rectY(best, { y1: "low", y2: "high", fill: ink, fillOpacity: 0.1 }),
      Plot.ruleY(best, { y: "value", stroke: ink, strokeDasharray: "5 4" }),
      Plot.text(best, { y: "value", text: "id", frameAnchor: "right", dx: 112, fill: ink }),
      ...families.map((family) =>
        Plot.line(
          fits.filter((fit) => fit.family === family),
          { x: "nodes", y: "tasksPerSec", stroke: colour(family) },
        ),
      ),
      Plot.ruleX(points, {
        x: "nodes",
        y1: "low",
        y2: "high",
        stroke: (point: { family: string }) => colour(point.family),
        strokeWidth: 2,
      }),
      Plot.dot(points, {
        x: "nodes",
        y: "value",
        fill: (point: { family: string }) => colour(point.family),
        symbol: "family",
        r: 5,
      }),
      Plot.text(lastOf(points), { x: "nodes", y: "value", text: "family", textAnchor: "start", dx: 10, fill: ink }),
    ],
  };
}

function interval({ value, low, high }: { value: number; low: number; high: number }) {
  return { value, low, high };
}

/** `sharded-redis` of `sharded-redis@4`, `sharded-redis ×2` of `sharded-redis@4x2`: what differs in hub nodes only. */
function familyOf(id: string): string {
  const [name = id, size = ""] = id.split("@");
  const servers = size.split("x")[1];
  return servers === undefined ? name : `${name} ×${servers}`;
}

function lastOf<T extends { family: string; nodes: number }>(points: readonly T[]): T[] {
  const last = new Map<string, T>();
  for (const point of points) if (point.nodes >= (last.get(point.family)?.nodes ?? 0)) last.set(point.family, point);
  return [...last.values()];
}

export function latencyChart(result: CompareResult, { ink, series }: ChartTheme): ChartOptions | null {
  const dots = result.hubs.flatMap((hub) =>
    hub.trials.flatMap((trial) =>
      trial.assignMsP99 === null || trial.outcome === "invalid"
        ? []
        : [{ hub: hub.id, load: trial.load, ms: trial.assignMsP99, held: trial.outcome === "held" }],
    ),
  );
  if (dots.length === 0) return null;
  const ids = result.hubs.map((hub) => hub.id);
  return {
    ariaLabel: "Assignment latency against offered load",
    marginLeft: 60,
    marginBottom: 45,
    height: 380,
    x: { type: "log", label: "offered tasks/s", grid: true, tickFormat: "~s" },
    y: { type: "log", label: "assign p99, ms", grid: true, tickFormat: "~s" },
    color: { legend: false, domain: ids, range: [...series] },
    symbol: { legend: false, domain: ids, range: SYMBOLS },
    marks: [
      Plot.dot(
        dots.filter((dot) => !dot.held),
        { x: "load", y: "ms", stroke: "hub", symbol: "hub", r: 5 },
      ),
      Plot.dot(
        dots.filter((dot) => dot.held),
        { x: "load", y: "ms", fill: "hub", symbol: "hub", r: 5 },
      ),
      Plot.text(labelled(dots), { x: "load", y: "ms", text: "hub", dy: -14, fill: ink }),
    ],
  };
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

export function cpuChart(result: CompareResult, { ink, series }: ChartTheme): ChartOptions | null {
  const dots = result.hubs.flatMap((hub) =>
    Object.entries(hub.perTask).flatMap(([role, cost]) => (cost.cpuMs ? [{ hub: hub.id, role, ms: cost.cpuMs.value }] : [])),
  );
  if (dots.length === 0) return null;
  const roles = [...new Set(["hub", "redis", "nats", "generator", ...dots.map(({ role }) => role)])];
  return {
    ariaLabel: "CPU per task by role",
    marginLeft: 170,
    marginBottom: 45,
    height: 75 + 36 * result.hubs.length,
    x: { type: "log", label: "CPU-ms per task", grid: true, ticks: 6, tickFormat: String },
    y: { label: null, domain: result.hubs.map((hub) => hub.id) },
    color: { domain: roles, range: [...series] },
    symbol: { domain: roles, range: SYMBOLS },
    marks: [
      Plot.dot(dots, { y: "hub", x: "ms", fill: "role", symbol: "role", r: 5 }),
      Plot.text(dots, { y: "hub", x: "ms", text: "role", dy: -12, fill: ink }),
    ],
  };
}
