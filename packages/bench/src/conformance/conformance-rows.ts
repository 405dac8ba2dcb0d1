/** The cases by the row of the contract that they cover. */
import type { ConformanceCase } from "@hubscale/hub-runtime/testing";

/** Rows in the order in which they are first named; the cases of a row in theirs. */
export function casesByRow(cases: readonly ConformanceCase[]): Map<string, ConformanceCase[]> {
  const rows = new Map<string, ConformanceCase[]>();
  for (const each of cases) {
    const row = rows.get(each.covers);
    if (row) row.push(each);
    else rows.set(each.covers, [each]);
  }
  return rows;
}

/** Whose row or name holds the text; upper and lower case are the same. */
export function casesAbout(text: string, cases: readonly ConformanceCase[]): ConformanceCase[] {
  const wanted = text.toLowerCase();
  return cases.filter(({ name, covers }) => `${covers}\n${name}`.toLowerCase().includes(wanted));
}

/** The table of docs/conformance.md. */
export function rowsAsMarkdown(cases: readonly ConformanceCase[]): string {
  const lines = [...casesByRow(cases)].map(
    ([row, ofRow]) => `| ${cell(row)} | ${ofRow.map(({ name }) => cell(name)).join("<br>")} |`,
  );
  return ["| row | tried by |", "|---|---|", ...lines].join("\n");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
