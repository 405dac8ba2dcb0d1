/** One self-contained page: no script, no request, readable offline and on paper. */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { Table } from "./summary.ts";

export interface Page {
  title: string;
  /** The answer, in the largest letters. */
  headline: string;
  /** HTML, made by the functions below, in order. */
  parts: readonly string[];
}

export function renderPage({ title, headline, parts }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(headline)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<p class="kicker">${escaped(title)}</p>
<h1>${escaped(headline)}</h1>
${parts.filter((part) => part !== "").join("\n")}
</main>
</body>
</html>
`;
}

export function paragraph(text: string): string {
  return `<p>${escaped(text)}</p>`;
}

export function heading(text: string): string {
  return `<h2>${escaped(text)}</h2>`;
}

/** Empty without lines. */
export function list(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return "";
  return `${heading(title)}<ul>${lines.map((line) => `<li>${escaped(line)}</li>`).join("")}</ul>`;
}

/** `chart`: from `svg`, or a paragraph that says why there is none. */
export function figure(chart: string, caption: string): string {
  return `<figure>${chart}<figcaption>${escaped(caption)}</figcaption></figure>`;
}

export function tableHtml(table: Table): string {
  const row = (cells: string[], tag: string) => `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="wide"><table><caption>${escaped(table.caption)}</caption><thead>${row(table.head, "th")}</thead><tbody>${table.rows
    .map((cells) => row(cells, "td"))
    .join("")}</tbody></table></div>${table.notes.map((note) => `<p class="note">${escaped(note)}</p>`).join("")}`;
}

/** A chart as SVG, drawn without a browser. */
export function svg(options: Plot.PlotOptions & { ariaLabel: string }): string {
  const { document } = parseHTML("<html><body></body></html>");
  const chart = Plot.plot({
    width: 860,
    style: { background: "transparent", color: "currentColor", fontSize: "13px" },
    ...options,
    document,
  } as unknown as Plot.PlotOptions);
  return (chart as unknown as { outerHTML: string }).outerHTML;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Okabe and Ito's colours that keep 3:1 against white and near-black, distinguishable with colour-vision deficiencies. */
export const PALETTE = ["#0072b2", "#b35900", "#007a5a", "#a3478f", "#6b6b00", "#555555"];

/** Shapes that can be filled, so that held and missed differ in each of them. */
export const SYMBOLS: Plot.SymbolType[] = ["circle", "square", "triangle", "diamond2", "star", "wye"];

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
