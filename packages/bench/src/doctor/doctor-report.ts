/** The findings as a table with what to do beneath each. */
import type { Finding } from "./finding.ts";

const MARKS: Record<Finding["state"], string> = { ok: "ok", note: "note", optional: "–", missing: "MISSING" };
const INDENT = " ".repeat(9);

export function renderFindings(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ topic }) => topic.length));
  const lines = findings.flatMap(({ topic, state, found, means, remedy }) => [
    `${MARKS[state].padEnd(INDENT.length)}${topic.padEnd(width)}  ${found}`,
    ...(means === "" ? [] : [`${INDENT}${" ".repeat(width)}  ${means}`]),
    ...(remedy === "" ? [] : [`${INDENT}${" ".repeat(width)}  → ${remedy}`]),
  ]);
  return [...lines, "", conclusion(findings)].join("\n");
}

/** What this comes to. */
export function conclusion(findings: readonly Finding[]): string {
  const missing = findings.filter(({ state }) => state === "missing").map(({ topic }) => topic);
  const notes = findings.filter(({ state }) => state === "note").map(({ topic }) => topic);
  if (missing.length > 0) return `Not everything can be measured here: see ${missing.join(", ")}.`;
  if (notes.length > 0) return `Everything can be measured here, with restrictions: see ${notes.join(", ")}.`;
  return "Everything can be measured here.";
}
