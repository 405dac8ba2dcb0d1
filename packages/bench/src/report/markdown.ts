/** The summary as Markdown, for a pull request. */
import type { Summary, Table } from "./summary.ts";

export function renderMarkdown(summary: Summary): string {
  const section = (title: string, lines: string[]) =>
    lines.length === 0 ? [] : [`## ${title}`, "", ...lines.map((line) => `- ${escaped(line)}`), ""];
  return [
    `# ${summary.verdict}`,
    "",
    `${escaped(summary.title)}. ${escaped(summary.stamp)}.`,
    "",
    ...renderTable(summary.main),
    ...section("Because", summary.because),
    ...section("Next bottleneck", summary.nextBottleneck),
    ...section("Flips when", summary.flipsWhen),
    ...section("Marginal gains", summary.marginal),
    ...section("Scaling", summary.scaling),
    ...section("Model error", summary.modelError),
    ...section("Invalid", summary.invalid),
    ...section("Not measured", summary.notMeasured),
    ...renderTable(summary.costs),
    ...renderTable(summary.work),
    ...renderTable(summary.checks),
    ...renderTable(summary.machine),
  ].join("\n");
}

function renderTable(table: Table): string[] {
  const line = (cells: string[]) => `| ${cells.map(escaped).join(" | ")} |`;
  return [
    `## ${table.caption}`,
    "",
    line(table.head),
    `|${table.head.map(() => "---").join("|")}|`,
    ...table.rows.map(line),
    "",
    ...table.notes.flatMap((note) => [escaped(note), ""]),
  ];
}

function escaped(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}
