/** The ladders as one self-contained page. */
import * as Plot from "@observablehq/plot";
import type { Estimate } from "../measure/estimate.ts";
import { figure, heading, list, PALETTE, paragraph, renderPage, svg, SYMBOLS, tableHtml } from "../report/page.ts";
import { captionOf, ladderTable } from "./ladder-report.ts";
import type { Ladder, LadderResult, RungResult } from "./ladder-result.ts";

export function renderLadderPage(result: LadderResult): string {
  return renderPage({
    title: `hubscale ladder: what each fix of the single hub is worth (${result.effort}, ${Math.round(result.wallSeconds)} s)`,
    headline: result.verdict,
    parts: [
      list("How to read it", result.notes),
      ...result.ladders.flatMap((ladder) => [
        heading(captionOf(ladder.condition)),
        figure(
          chart(ladder, "tasks/s", (rung) => rung.capacity),
          "Sustainable capacity with its 95 % interval: the reference, each fix alone, then the fixes added up from top to bottom. The line is the reference, the band its interval. The axis is logarithmic.",
        ),
        figure(
          chart(ladder, "CPU-ms per task", (rung) => rung.cpuMsPerTask),
          "CPU of the hub for each task; less is better. The axis is logarithmic.",
        ),
        tableHtml(ladderTable(ladder)),
      ]),
      paragraph(
        `Seed ${result.seed}; isolation ${result.isolation.kind} (${result.isolation.how}); started ${result.startedAt}. The environment is in ladder.json.`,
      ),
    ],
  });
}

const KINDS: Record<RungResult["kind"], string> = {
  reference: "reference",
  alone: "one fix alone",
  sum: "added up",
  control: "reference",
};

function chart({ rungs }: Ladder, label: string, of: (rung: RungResult) => Estimate | null): string {
  const rows = rungs.flatMap((rung) => {
    const figure = of(rung);
    return figure ? [{ rung: rung.name, kind: KINDS[rung.kind], ...figure }] : [];
  });
  if (rows.length === 0) return "<p>Nothing was measured.</p>";
  const reference = rows.filter((row) => row.rung === "reference");
  return svg({
    ariaLabel: `${label} by rung`,
    marginLeft: 240,
    height: 70 + 26 * rows.length,
    x: { type: "log", label, grid: true, tickFormat: "~s" },
    y: { label: null, domain: rows.map((row) => row.rung) },
    color: { domain: ["reference", "one fix alone", "added up"], range: PALETTE, legend: false },
    symbol: { domain: ["reference", "one fix alone", "added up"], range: SYMBOLS, legend: false },
    marks: [
      Plot.rectX(reference, { x1: "low", x2: "high", fill: "currentColor", fillOpacity: 0.1 }),
      Plot.ruleX(reference, { x: "value", stroke: "currentColor", strokeOpacity: 0.5, strokeDasharray: "4 3" }),
      Plot.ruleY(rows, { y: "rung", x1: "low", x2: "high", stroke: "kind", strokeWidth: 2 }),
      Plot.dot(rows, { y: "rung", x: "value", r: 5, fill: "kind", symbol: "kind" }),
    ],
  });
}
