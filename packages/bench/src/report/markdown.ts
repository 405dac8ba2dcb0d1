/** The summary as Markdown, for a pull request. */
import type { ChartFile } from "./chart-files.ts";
import type { Summary, Table } from "./summary.ts";

/** `charts` lie beside the file, in `charts/`. */
export function renderMarkdown(summary: Summary, charts: readonly ChartFile[]): string {
  const chart = (name: string) =>
    charts
      .filter((each) => each.name.startsWith(name))
      .flatMap(({ name: file, title }) => [`![${title}](charts/${file}.svg)`, ""]);
  const section = (title: string, lines: string[]) =>
    lines.length === 0 ? [] : [`## ${title}`, "", ...lines.map((line) => `- ${escaped(line)}`), ""];
  return [
    `# ${summary.verdict}`,
    "",
    `${escaped(summary.title)}. ${escaped(summary.stamp)}.`,
    "",
    ...renderTable(summary.main),
    ...chart("capacity"),
    ...section("Because", summary.because),
    ...section("Next bottleneck", summary.nextBottleneck),
    ...section("Flips when", summary.flipsWhen),
    ...section("Marginal gains", summary.marginal),
    ...section("Scaling", summary.scaling),
    ...chart("walls"),
    ...chart("marginal"),
    ...chart("gpu"),
    ...chart("scaling"),
    ...section("Model error", summary.modelError),
    ...section("Invalid", summary.invalid),
    ...section("Not measured", summary.notMeasured),
    ...chart("latency"),
    ...chart("ladder"),
    ...renderTable(summary.costs),
    ...chart("cpu"),
    ...renderTable(summary.work),
    ...renderTable(summary.checks),
    ...renderTable(summary.machine),
  ].join("\n");
}

function renderTable(table: Table): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map(escaped).join(" | ")} |`;
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
