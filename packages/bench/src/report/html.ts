/** The summary of a comparison, its charts with their tables, and the fleet with its what-if, as one page. */
import type { ChartOptions } from "../page/fleet-charts.ts";
import { PAGE_THEME } from "../page/chart-theme.ts";
import { fleetPanels } from "../page/fleet-panels.ts";
import { escaped, figureHtml, type Table, tableHtml } from "../page/markup.ts";
import { ladderParts } from "../ladder/ladder-page.ts";
import type { CompareResult } from "../results/compare-result.ts";
import { capacityChart, cpuChart, latencyChart, scalingChart } from "./compare-charts.ts";
import { data, heading, list, paragraph, renderPage, svg } from "./page.ts";
import { capacityTable, latencyTable, scalingTable, type Summary } from "./summary.ts";
import { whatIfScript } from "./what-if-script.ts";

export function renderHtml(summary: Summary, result: CompareResult): string {
  const { fleet } = result;
  return renderPage({
    title: summary.title,
    headline: summary.verdict,
    parts: [
      paragraph(summary.stamp),
      navigation(result),
      tableHtml(summary.main),
      drawn(capacityChart(result, PAGE_THEME), {
        caption: "Capacity in tasks/s with its 95 % interval; the axis is logarithmic.",
        otherwise: "No capacity was found.",
        table: capacityTable(result),
      }),
      list("Because", summary.because),
      list("Invalid", summary.invalid),
      ...(fleet ? whatIf(fleet) : []),
      heading("The hubs", "hubs"),
      list("Next bottleneck of each hub", summary.nextBottleneck),
      list("Flips when", summary.flipsWhen),
      list("Marginal gains", summary.marginal),
      list("Scaling", summary.scaling),
      drawn(scalingChart(result, PAGE_THEME), {
        caption: `Capacity by the number of hub nodes. Dashed: the best single hub with its interval; where a curve first lies above it is the COST: ${result.decision.cost.explanation}`,
        otherwise: "No distributed hub was measured.",
        table: scalingTable(result),
      }),
      list("Model error", summary.modelError),
      drawn(latencyChart(result, PAGE_THEME), {
        caption:
          "99th percentile from the intended submission to the assignment, one dot a trial: filled where the SLO held, hollow where it was missed. Both axes are logarithmic.",
        otherwise: "No trial was valid.",
        table: latencyTable(result),
      }),
      drawn(cpuChart(result, PAGE_THEME), {
        caption: "CPU-ms per completed task, by role; the axis is logarithmic.",
        otherwise: "No CPU figures.",
        table: summary.costs,
      }),
      ...(result.ladder
        ? [
            heading(`The ladder of repairs: ${result.ladder.verdict}`, "ladder"),
            list("How to read it", result.ladder.notes),
            ...ladderParts(result.ladder),
          ]
        : []),
      heading("What was done and checked", "checks"),
      tableHtml(summary.work),
      tableHtml(summary.checks),
      tableHtml(summary.machine),
      list("Not measured", summary.notMeasured),
    ],
    ...(fleet && { script: whatIfScript() }),
  });
}

interface Drawn {
  caption: string;
  /** Said where there is nothing to draw. */
  otherwise: string;
  table?: Table;
}

function drawn(chart: ChartOptions | null, { caption, otherwise, table }: Drawn): string {
  return chart ? figureHtml(svg(chart), caption, table) : paragraph(otherwise);
}

function navigation(result: CompareResult): string {
  const places = [
    ...(result.fleet ? [["what-if", "What if"]] : []),
    ["hubs", "The hubs"],
    ...(result.ladder ? [["ladder", "The ladder of repairs"]] : []),
    ["checks", "What was done and checked"],
  ];
  return `<nav aria-label="Parts of this page"><ul>${places.map(([id, name]) => `<li><a href="#${id}">${name}</a></li>`).join("")}</ul></nav>`;
}

/** As the fleet is given: complete without a script, which only adds the sliders. */
function whatIf({ decision, input, workload }: NonNullable<CompareResult["fleet"]>): string[] {
  const panels = fleetPanels(input, decision, svg);
  return [
    "<section>",
    heading("What if: the fleet around the hub", "what-if"),
    paragraph(
      `Fleet '${input.fleet.name}' with the work '${workload}'. Move a slider: everything below is computed anew, here, by the model that wrote this page. The settings are in the address, so a link shows the same fleet.`,
    ),
    `<p id="what-if-verdict" class="answer" aria-live="polite">${escaped(panels.verdict)}</p>`,
    `<p id="what-if-message" class="note" role="status"></p>`,
    `<div id="what-if-controls" class="controls" hidden></div>`,
    `<div id="what-if-figures">${panels.keyFigures}</div>`,
    `<div id="what-if-charts">${panels.charts}</div>`,
    data("fleet-input", input),
    "</section>",
  ];
}
