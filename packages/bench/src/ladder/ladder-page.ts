/** The ladders as one self-contained page, and as a part of another. */
import { PAGE_THEME } from "../page/chart-theme.ts";
import type { ChartOptions } from "../page/fleet-charts.ts";
import { figureHtml, tableHtml } from "../page/markup.ts";
import { heading, list, paragraph, renderPage, svg } from "../report/page.ts";
import { ladderCapacityChart, ladderCpuChart } from "./ladder-chart.ts";
import { captionOf, ladderTable } from "./ladder-report.ts";
import type { LadderResult } from "./ladder-result.ts";

export function renderLadderPage(result: LadderResult): string {
  return renderPage({
    title: `hubscale ladder: what each fix of the single hub is worth (${result.effort}, ${Math.round(result.wallSeconds)} s)`,
    headline: result.verdict,
    parts: [list("How to read it", result.notes), ...ladderParts(result)],
  });
}

export function ladderParts(result: LadderResult): string[] {
  return [
    ...result.ladders.flatMap((ladder) => [
      heading(captionOf(ladder.condition)),
      drawn(
        ladderCapacityChart(ladder, PAGE_THEME),
        "Sustainable capacity with its 95 % interval: the reference, each fix alone, then the fixes added up from top to bottom. The line is the reference, the band its interval. The axis is logarithmic.",
      ),
      drawn(ladderCpuChart(ladder, PAGE_THEME), "CPU of the hub for each task; less is better. The axis is logarithmic."),
      tableHtml(ladderTable(ladder)),
    ]),
    paragraph(
      `Seed ${result.seed}; isolation ${result.isolation.kind} (${result.isolation.how}); started ${result.startedAt}. The environment is in ladder.json.`,
    ),
  ];
}

function drawn(chart: ChartOptions | null, caption: string): string {
  return chart ? figureHtml(svg(chart), caption) : paragraph("Nothing was measured.");
}
