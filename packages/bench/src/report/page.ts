/** One self-contained page: what it needs is in it, it asks for nothing, and can be read offline and on paper. */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { DARK_SERIES, LIGHT_SERIES } from "../page/chart-theme.ts";
import type { ChartOptions } from "../page/fleet-charts.ts";
import { escaped } from "../page/markup.ts";
import { svgText } from "../page/svg-text.ts";

export interface Page {
  title: string;
  /** The answer, in the largest letters. */
  headline: string;
  /** HTML, made by the functions below and those of the page folder, in order. */
  parts: readonly string[];
  /** Runs when the page is open; may read what `data` made of it. */
  script?: string;
}

export function renderPage({ title, headline, parts, script }: Page): string {
  // Nothing may be asked of any server, whatever the page's own code does.
  const allowed = `default-src 'none'; style-src 'unsafe-inline'; img-src data:${script === undefined ? "" : "; script-src 'unsafe-inline'"}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${allowed}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>${escaped(headline)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<p class="kicker">${escaped(title)}</p>
<h1>${escaped(headline)}</h1>
${parts.filter((part) => part !== "").join("\n")}
</main>
${script === undefined ? "" : `<script>${script}</script>`}
</body>
</html>
`;
}

export function paragraph(text: string): string {
  return `<p>${escaped(text)}</p>`;
}

/** `id`: to be linked to. */
export function heading(text: string, id?: string): string {
  return `<h2${id === undefined ? "" : ` id="${escaped(id)}"`}>${escaped(text)}</h2>`;
}

/** Empty without lines. */
export function list(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return "";
  return `${heading(title)}<ul>${lines.map((line) => `<li>${escaped(line)}</li>`).join("")}</ul>`;
}

/** Data for the page's script, as an element that does not run. */
export function data(id: string, value: unknown): string {
  return `<script type="application/json" id="${escaped(id)}">${JSON.stringify(value).replaceAll("<", "\\u003c")}</script>`;
}

/** A chart as SVG, drawn without a browser. */
export function svg(options: ChartOptions): string {
  const { document } = parseHTML("<html><body></body></html>");
  const chart = Plot.plot({
    width: 860,
    style: { background: "transparent", color: "currentColor", fontSize: "13px" },
    ...options,
    document,
  } as unknown as Plot.PlotOptions);
  return svgText(chart);
}

const seriesVariables = (colours: readonly string[]) => colours.map((colour, i) => `--series-${i + 1}: ${colour};`).join(" ");

const STYLE = `
:root { color-scheme: light dark; --text: #1a1a1a; --soft: #555; --paper: #fff; --raised: #f4f5f7; --line: #8a8a8a; --faint: #ccc; --focus: #0067a0; ${seriesVariables(LIGHT_SERIES)} }
@media (prefers-color-scheme: dark) { :root { --text: #eee; --soft: #bbb; --paper: #16181c; --raised: #22252b; --line: #8a8f98; --faint: #444; --focus: #5cb8f0; ${seriesVariables(DARK_SERIES)} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { line-height: 1.2; margin: .2rem 0 .6rem; font-size: 1.7rem; } h2 { margin-top: 2.6rem; } h3 { margin: 2rem 0 .4rem; }
.kicker, .note, figcaption { color: var(--soft); font-size: .9rem; }
.wide { overflow-x: auto; margin: 1.5rem 0 .5rem; }
a { color: var(--focus); } nav ul { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; padding: 0; list-style: none; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: .4rem; }
th, td { text-align: left; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--faint); vertical-align: top; }
tbody th { font-weight: 400; } td { min-width: 4rem; } td:last-child { min-width: 12rem; }
figure { margin: 1.2rem 0 2rem; overflow-x: auto; } figure svg { max-width: 100%; height: auto; }
summary { cursor: pointer; color: var(--soft); font-size: .9rem; padding: .2rem 0; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .8rem 1.5rem; margin: 1rem 0; }
dt { color: var(--soft); font-size: .9rem; } dd { margin: 0; } dd small { color: var(--soft); display: block; }
.answer { font-size: 1.15rem; font-weight: 600; background: var(--raised); border-left: .3rem solid var(--series-1); padding: .7rem 1rem; position: sticky; top: 0; z-index: 1; }
.controls { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: .8rem; align-items: start; }
.controls[hidden] { display: none; } .controls > p { grid-column: 1 / -1; margin: 0; }
fieldset { border: 1px solid var(--line); border-radius: .4rem; margin: 0; padding: .4rem .8rem .7rem; min-width: 0; } legend { font-weight: 600; padding: 0 .3rem; }
label { display: grid; grid-template-columns: 1fr auto; gap: 0 .6rem; padding: .25rem 0; } label span { font-size: .9rem; }
label input, label select { grid-column: 1 / -1; grid-row: 2; width: 100%; font: inherit; color: inherit; background: var(--paper); min-height: 1.7rem; accent-color: var(--series-1); }
label select { border: 1px solid var(--line); border-radius: .3rem; } output { font-variant-numeric: tabular-nums; text-align: right; }
button { font: inherit; color: var(--text); background: var(--raised); border: 1px solid var(--line); border-radius: .3rem; padding: .3rem .8rem; margin: 0 .4rem .4rem 0; cursor: pointer; }
@media (max-width: 40rem) { main { padding: 1rem .8rem 3rem; } h1 { font-size: 1.35rem; } figure svg { min-width: 34rem; } }
@media print { .answer { position: static; } figure, table, fieldset { break-inside: avoid; } nav, .buttons, summary { display: none; } figure { overflow: visible; } }
`;
