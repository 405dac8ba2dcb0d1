/** The summary and its charts as one self-contained page: no script, no request, readable offline and on paper. */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { CompareResult } from "../results/compare-result.ts";
import type { Summary, Table } from "./summary.ts";

export function renderHtml(summary: Summary, result: CompareResult): string {
  const list = (title: string, lines: string[]) =>
    lines.length === 0 ? "" : `<h2>${escaped(title)}</h2><ul>${lines.map((line) => `<li>${escaped(line)}</li>`).join("")}</ul>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(summary.verdict)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<p class="kicker">${escaped(summary.title)}</p>
<h1>${escaped(summary.verdict)}</h1>
<p>${escaped(summary.stamp)}</p>
${renderTable(summary.main)}
<figure>${capacityChart(result)}<figcaption>Capacity in tasks/s with its 95 % interval; the axis is logarithmic.</figcaption></figure>
${list("Because", summary.because)}
${list("Flips when", summary.flipsWhen)}
${list("Marginal gains", summary.marginal)}
${list("Invalid", summary.invalid)}
<figure>${latencyChart(result)}<figcaption>99th percentile from the intended submission to the assignment, one dot a trial: filled where the SLO held, hollow where it was missed. Both axes are logarithmic.</figcaption></figure>
<figure>${cpuChart(result)}<figcaption>CPU-ms per completed task, by role; the axis is logarithmic.</figcaption></figure>
${renderTable(summary.costs)}
${renderTable(summary.work)}
${renderTable(summary.checks)}
${renderTable(summary.machine)}
${list("Not measured", summary.notMeasured)}
</main>
</body>
</html>
`;
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

function svg(options: Plot.PlotOptions & { ariaLabel: string }): string {
  const { document } = parseHTML("<html><body></body></html>");
  const chart = Plot.plot({
    width: 860,
    style: { background: "transparent", color: "currentColor", fontSize: "13px" },
    ...options,
    document,
  } as unknown as Plot.PlotOptions);
  return (chart as unknown as { outerHTML: string }).outerHTML;
}

function renderTable(table: Table): string {
  const row = (cells: string[], tag: string) => `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="wide"><table><caption>${escaped(table.caption)}</caption><thead>${row(table.head, "th")}</thead><tbody>${table.rows
    .map((cells) => row(cells, "td"))
    .join("")}</tbody></table></div>${table.notes.map((note) => `<p class="note">${escaped(note)}</p>`).join("")}`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Okabe and Ito's colours that keep 3:1 against white and near-black, distinguishable with colour-vision deficiencies. */
const PALETTE = ["#0072b2", "#b35900", "#007a5a", "#a3478f", "#6b6b00", "#555555"];

/** Shapes that can be filled, so that held and missed differ in each of them. */
const SYMBOLS: Plot.SymbolType[] = ["circle", "square", "triangle", "diamond2", "star", "wye"];

const STYLE = `
:root { color-scheme: light dark; --text: #1a1a1a; --soft: #555; --paper: #fff; --line: #ccc; }
@media (prefers-color-scheme: dark) { :root { --text: #eee; --soft: #bbb; --paper: #16181c; --line: #444; } figure svg { filter: brightness(1.35); } }
body { margin: 0; background: var(--paper); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { line-height: 1.2; margin: .2rem 0 .6rem; } h2 { margin-top: 2rem; }
.kicker, .note, figcaption { color: var(--soft); font-size: .9rem; }
.wide { overflow-x: auto; margin: 1.5rem 0 .5rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
td:not(:last-child) { white-space: nowrap; } td:last-child { min-width: 12rem; }
caption { text-align: left; font-weight: 600; padding-bottom: .4rem; }
th, td { text-align: left; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
figure { margin: 2rem 0; } figure svg { max-width: 100%; height: auto; }
@media print { figure, table { break-inside: avoid; } }
`;
