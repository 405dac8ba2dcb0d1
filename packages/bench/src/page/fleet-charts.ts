/** The charts of a fleet, from plain data, drawn by whoever has a document. */
import type { AgentsPerGpu, FleetDecision, HostKind } from "@hubscale/fleet-model";
import * as Plot from "@observablehq/plot";
import { type ChartTheme, SYMBOLS } from "./chart-theme.ts";
import { number } from "./figures-in-words.ts";
import type { AgentsPoint, HeatMap } from "./fleet-sweeps.ts";

export type ChartOptions = Plot.PlotOptions & { ariaLabel: string };

/** Walls that load meets, with intervals, and the load now. Null: none is met by load. */
export function wallsChart({ walls, now }: FleetDecision, { ink, series }: ChartTheme): ChartOptions | null {
  const rows = walls.flatMap(({ name, busyAgents }) =>
    busyAgents && busyAgents.value > 0
      ? [{ name, value: busyAgents.value, low: Math.max(busyAgents.low, LEAST), high: busyAgents.high }]
      : [],
  );
  if (rows.length === 0) return null;
  return {
    ariaLabel: "Walls in order of the number of busy agents at which they are met",
    marginLeft: 260,
    marginRight: 30,
    marginBottom: 45,
    height: 75 + 24 * rows.length,
    x: { type: "log", label: "busy agents", grid: true, tickFormat: "~s" },
    y: { label: null, domain: rows.map(({ name }) => name) },
    marks: [
      Plot.ruleX([now.agents], { stroke: series[1] ?? ink, strokeWidth: 2, strokeDasharray: "5 4" }),
      Plot.ruleY(rows, { y: "name", x1: "low", x2: "high", stroke: series[0] ?? ink, strokeWidth: 2 }),
      Plot.dot(rows, { y: "name", x: "value", r: 5, fill: series[0] ?? ink }),
      Plot.text([now.agents], { x: (agents: number) => agents, frameAnchor: "top", dy: -12, text: () => "now", fill: ink }),
    ],
  };
}

const LEAST = 0.01;

/** What more agents on the same machines give, beside what they would give if nobody waited. */
export function agentsChart(points: readonly AgentsPoint[], present: number, { ink, soft, series }: ChartTheme): ChartOptions {
  const last = points.at(-1);
  return {
    ariaLabel: "Tasks per hour against the number of agents on the machines that there are",
    marginLeft: 70,
    marginBottom: 45,
    height: 320,
    x: { type: "log", label: "agents on the same machines", grid: true, tickFormat: "~s" },
    y: {
      label: "tasks per hour",
      grid: true,
      tickFormat: "~s",
      domain: [0, 1.1 * Math.max(...points.map(({ tasksPerHour }) => tasksPerHour))],
      clamp: true,
    },
    marks: [
      Plot.line(points, { x: "agents", y: "ideal", stroke: soft, strokeDasharray: "2 4", clip: true }),
      Plot.ruleX([present], { stroke: series[1] ?? ink, strokeWidth: 2, strokeDasharray: "5 4" }),
      Plot.line(points, { x: "agents", y: "tasksPerHour", stroke: series[0] ?? ink, strokeWidth: 2 }),
      Plot.dot(points, { x: "agents", y: "tasksPerHour", fill: series[0] ?? ink, r: 3 }),
      Plot.text(last ? [last] : [], { x: "agents", y: "tasksPerHour", text: "binds", textAnchor: "end", dy: 16, fill: ink }),
    ],
  };
}

/** Tasks per hour by machines and agents on each; darker is more, and each cell says its number. */
export function heatChart({ cells, kind, unit }: HeatMap, { ink, series }: ChartTheme): ChartOptions {
  const most = Math.max(...cells.map(({ tasksPerHour }) => tasksPerHour));
  return {
    ariaLabel: `Tasks per hour by the number of machines ${kind} and of agents on each`,
    marginLeft: 60,
    marginBottom: 45,
    height: 75 + 30 * new Set(cells.map(({ agents }) => agents)).size,
    x: { type: "band", label: `machines: ${kind}`, padding: 0.02 },
    y: { type: "band", label: unit, reverse: true, padding: 0.02 },
    marks: [
      Plot.cell(cells, {
        x: "machines",
        y: "agents",
        fill: series[0] ?? ink,
        fillOpacity: (cell: { tasksPerHour: number }) => 0.05 + (0.4 * cell.tasksPerHour) / most,
        stroke: (cell: { isNow: boolean }) => (cell.isNow ? (series[1] ?? ink) : "none"),
        strokeWidth: 3,
      }),
      Plot.text(cells, {
        x: "machines",
        y: "agents",
        text: (cell: { tasksPerHour: number }) => number(cell.tasksPerHour),
        fill: ink,
      }),
    ],
  };
}

/** What one more of each gives. */
export function marginalChart({ marginal }: FleetDecision, { ink, series }: ChartTheme): ChartOptions | null {
  if (marginal.length === 0) return null;
  const rows = marginal.map(({ change, tasksPerHour: { value, low, high } }) => ({ change, value, low, high }));
  return {
    ariaLabel: "Tasks per hour that one more of each thing adds",
    marginLeft: 330,
    marginBottom: 45,
    height: 75 + 24 * rows.length,
    x: { label: "more tasks per hour", grid: true, tickFormat: "~s" },
    y: { label: null, domain: rows.map(({ change }) => change) },
    marks: [
      Plot.ruleX([0], { stroke: ink }),
      Plot.ruleY(rows, { y: "change", x1: "low", x2: "high", stroke: series[2] ?? ink, strokeWidth: 2 }),
      Plot.dot(rows, { y: "change", x: "value", r: 5, fill: series[2] ?? ink }),
    ],
  };
}

/** One line for each NUM_PARALLEL; dashed where a part of the model is not on the card. */
export function gpuAgentsChart(rows: readonly AgentsPerGpu[], host: HostKind, { ink, series }: ChartTheme): ChartOptions {
  const lines = rows.map(({ numParallel, onCard, tasksPerHour }) => ({
    onCard,
    points: tasksPerHour.map((rate, index) => ({ agents: index + 1, rate, name: String(numParallel) })),
  }));
  const names = rows.map(({ numParallel }) => String(numParallel));
  return {
    ariaLabel: `Tasks per hour of one machine ${host.name} by agents and NUM_PARALLEL`,
    marginLeft: 60,
    marginRight: 130,
    marginBottom: 45,
    height: 320,
    x: { label: "agents on the machine" },
    y: { label: "standard tasks/h", grid: true, zero: true, tickFormat: "~s" },
    symbol: { domain: names, range: SYMBOLS },
    marks: [
      Plot.ruleX([host.agents], { stroke: ink, strokeDasharray: "5 4" }),
      ...lines.flatMap(({ onCard, points }, index) => {
        const colour = series[index % series.length] ?? ink;
        return [
          Plot.line(points, { x: "agents", y: "rate", stroke: colour, ...(onCard < 1 && { strokeDasharray: "2 4" }) }),
          Plot.dot(points, { x: "agents", y: "rate", fill: colour, symbol: "name", r: 3 }),
        ];
      }),
      Plot.text(
        apart(
          lines.flatMap(({ points }) => points.slice(-1)),
          ({ rate }) => rate,
        ),
        {
          x: "agents",
          y: "y",
          text: ({ name }: { name: string }) => `NUM_PARALLEL ${name}`,
          textAnchor: "start",
          dx: 10,
          fill: ink,
        },
      ),
    ],
  };
}

/** Labels at `y`, moved up until each is clear of the one below it. */
function apart<T>(labels: readonly T[], of: (label: T) => number): (T & { y: number })[] {
  const gap = LABEL_SHARE * Math.max(...labels.map(of), 0);
  let last = Number.NEGATIVE_INFINITY;
  return labels
    .toSorted((a, b) => of(a) - of(b))
    .map((label) => {
      last = Math.max(of(label), last + gap);
      return Object.assign({}, label, { y: last });
    });
}

/** Height of a label's line in the chart, with some air. */
const LABEL_SHARE = 0.07;

export function stationsChart({ now }: FleetDecision, { ink, series }: ChartTheme): ChartOptions {
  const rows = now.stations.map(({ name, utilisation }) => ({ name, busy: 100 * utilisation }));
  return {
    ariaLabel: "How busy each shared resource is",
    marginLeft: 200,
    marginBottom: 45,
    height: 75 + 24 * rows.length,
    x: { label: "busy, % of the time", domain: [0, 100], grid: true },
    y: { label: null, domain: rows.map(({ name }) => name) },
    marks: [Plot.barX(rows, { y: "name", x: "busy", fill: series[3] ?? ink, inset: 3 }), Plot.ruleX([0], { stroke: ink })],
  };
}
