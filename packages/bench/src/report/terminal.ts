/** The summary as plain text: the table that `bench compare` ends with. */
import type { Summary, Table } from "./summary.ts";

export function renderTerminal(summary: Summary): string {
  const label = (name: string) => name.padEnd(LABEL_WIDTH);
  const listed = (name: string, lines: string[]) => lines.map((line, i) => `${label(i === 0 ? name : "")}${line}`);
  return [
    `${label("verdict")}${summary.verdict}`,
    `${label("")}${summary.stamp}`,
    "",
    ...renderTable(summary.main),
    "",
    ...listed("because", summary.because),
    ...listed("bottleneck", summary.nextBottleneck),
    ...listed("flips when", summary.flipsWhen),
    ...listed("marginal", summary.marginal),
    ...listed("scaling", summary.scaling),
    ...listed("model error", summary.modelError),
    ...listed("invalid", summary.invalid),
    ...listed("not measured", summary.notMeasured),
  ].join("\n");
}

export function renderTable(table: Table): string[] {
  const widths = table.head.map((head, i) => Math.max(head.length, ...table.rows.map((row) => (row[i] ?? "").length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd();
  return [line(table.head), ...table.rows.map(line), ...table.notes.map((note) => `  ${note}`)];
}

const LABEL_WIDTH = 14;
