/** One run as a timeline: what clients got, with the faults shaded. */
import * as Plot from "@observablehq/plot";
import { type ChartTheme, SYMBOLS } from "../page/chart-theme.ts";
import type { ChartOptions } from "../page/fleet-charts.ts";
import { faultInWords, lengthMs } from "./fault-plan.ts";
import type { FaultRun } from "./fault-run.ts";

/** A fault that is over at once is still to be seen. */
const NARROWEST_S = 0.05;
const LANE_SHARE = 0.09;

export function timelineChart({ timeline, faults }: FaultRun, { ink, series }: ChartTheme): ChartOptions {
  const { stepMs, acknowledged, ended } = timeline;
  const perSecond = (counts: readonly number[], what: string) =>
    counts.map((count, step) => ({ what, s: ((step + 0.5) * stepMs) / 1_000, rate: (count * 1_000) / stepMs }));
  const lines = [perSecond(acknowledged, "acknowledged"), perSecond(ended, "done")];
  const most = Math.max(1, ...lines.flat().map(({ rate }) => rate));
  const shades = faults.map(({ atMs, fault }, lane) => ({
    from: atMs / 1_000,
    to: atMs / 1_000 + Math.max(lengthMs(fault) / 1_000, NARROWEST_S),
    words: faultInWords(fault),
    // Above the curves, each in a lane of its own: what overlaps can be told apart.
    y: most * (1.04 + LANE_SHARE * (faults.length - lane)),
  }));
  const colour = (index: number) => series[index] ?? ink;
  return {
    ariaLabel: "Submissions acknowledged and tasks done by time, the faults shaded",
    marginLeft: 60,
    marginBottom: 45,
    height: 300,
    x: { label: "s since the work was under way", domain: [0, (Math.max(acknowledged.length, 1) * stepMs) / 1_000] },
    y: { label: "a second", grid: true, domain: [0, most * (1.08 + LANE_SHARE * faults.length)] },
    marks: [
      Plot.rect(shades, { x1: "from", x2: "to", y1: 0, y2: "y", fill: ink, fillOpacity: 0.12 }),
      Plot.text(shades, { x: "from", y: "y", text: "words", textAnchor: "start", dx: 3, dy: 7, fill: ink }),
      ...lines.flatMap((line, index) => [
        Plot.line(line, { x: "s", y: "rate", stroke: colour(index) }),
        Plot.dot(line, { x: "s", y: "rate", r: 2.5, fill: colour(index), symbol: SYMBOLS[index] ?? "circle" }),
        Plot.text(highest(line), { x: "s", y: "rate", text: "what", dy: -9, fill: ink }),
      ]),
    ],
  };
}

/** Where a curve carries its name. */
function highest<T extends { rate: number }>(line: readonly T[]): T[] {
  return line.toSorted((a, b) => b.rate - a.rate).slice(0, 1);
}
