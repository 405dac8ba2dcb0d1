/** Pieces of HTML as text, the same on the page when it is made and when it is changed. Everything from data goes through `escaped`. */

export interface Table {
  caption: string;
  head: readonly string[];
  rows: readonly (readonly string[])[];
  /** Said below the table. */
  notes: readonly string[];
}

export function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

export function tableHtml({ caption, head, rows, notes }: Table): string {
  const row = (cells: readonly string[]) => {
    const [name = "", ...rest] = cells;
    return `<tr><th scope="row">${escaped(name)}</th>${rest.map((cell) => `<td>${escaped(cell)}</td>`).join("")}</tr>`;
  };
  const titles = head.map((title) => `<th scope="col">${escaped(title)}</th>`).join("");
  const body = `<table><caption>${escaped(caption)}</caption><thead><tr>${titles}</tr></thead><tbody>${rows.map(row).join("")}</tbody></table>`;
  return `<div class="wide" tabindex="0" role="region" aria-label="${escaped(caption)}">${body}</div>${notes.map((note) => `<p class="note">${escaped(note)}</p>`).join("")}`;
}

/** A chart with what it shows in words, and its figures as a table that opens below it. */
export function figureHtml(chart: string, caption: string, table?: Table): string {
  const figures = table ? `<details><summary>The figures as a table</summary>${tableHtml(table)}</details>` : "";
  return `<figure>${chart}<figcaption>${escaped(caption)}</figcaption>${figures}</figure>`;
}

/** Empty without lines. */
export function listHtml(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return "";
  return `<h3>${escaped(title)}</h3><ul>${lines.map((line) => `<li>${escaped(line)}</li>`).join("")}</ul>`;
}
