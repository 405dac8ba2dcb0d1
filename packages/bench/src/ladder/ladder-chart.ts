/** The rungs of a ladder as charts, for the page and for files alike. */
import * as Plot from "@observablehq/plot";
import type { Estimate } from "../measure/estimate.ts";
import { type ChartTheme, SYMBOLS } from "../page/chart-theme.ts";
import type { ChartOptions } from "../page/fleet-charts.ts";
import type { Ladder, RungResult } from "./ladder-result.ts";

export function ladderCapacityChart(ladder: Ladder, theme: ChartTheme): ChartOptions | null {
  return rungChart(ladder, { theme, label: "tasks/s", of: ({ capacity }) => capacity });
}

export function ladderCpuChart(ladder: Ladder, theme: ChartTheme): ChartOptions | null {
  return rungChart(ladder, { theme, label: "CPU-ms per task", of: ({ cpuMsPerTask }) => cpuMsPerTask });
}

const KINDS: Record<RungResult["kind"], string> = {
  reference: "reference",
  alone: "one fix alone",
  sum: "added up",
  control: "reference",
};

interface RungFigure {
  theme: ChartTheme;
  label: string;
  of(rung: RungResult): Estimate | null;
}

function rungChart({ rungs }: Ladder, { label, of, theme: { ink, series } }: RungFigure): ChartOptions | null {
  const rows = rungs.flatMap((rung) => {
    const figure = of(rung);
    return figure ? [{ rung: rung.name, kind: KINDS[rung.kind], ...figure }] : [];
  });
  if (rows.length === 0) return null;
  const reference = rows.filter((row) => row.rung === "reference");
  return {
    ariaLabel: `${label} by rung`,
    marginLeft: 240,
    marginBottom: 45,
    height: 80 + 26 * rows.length,
    x: { type: "log", label, grid: true, tickFormat: "~s" },
    y: { label: null, domain: rows.map((row) => row.rung) },
    color: { domain: ["reference", "one fix alone", "added up"], range: [...series], legend: false },
    symbol: { domain: ["reference", "one fix alone", "added up"], range: SYMBOLS, legend: false },
    marks: [
      Plot.rectX(reference, { x1: "low", x2: "high", fill: ink, fillOpacity: 0.1 }),
      Plot.ruleX(reference, { x: "value", stroke: ink, strokeOpacity: 0.5, strokeDasharray: "4 3" }),
      Plot.ruleY(rows, { y: "rung", x1: "low", x2: "high", stroke: "kind", strokeWidth: 2 }),
      Plot.dot(rows, { y: "rung", x: "value", r: 5, fill: "kind", symbol: "kind" }),
    ],
  };
}
