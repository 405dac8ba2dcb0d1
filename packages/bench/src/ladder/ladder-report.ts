/** A ladder as words and table cells, for the terminal and the page alike. */
import { significant } from "../decision/decision.ts";
import { estimateText, type Table } from "../report/summary.ts";
import { renderTable } from "../report/terminal.ts";
import type { Condition, Ladder, LadderResult, RungResult } from "./ladder-result.ts";

export function renderLadders(result: LadderResult): string {
  return [
    result.verdict,
    ...result.ladders.flatMap((ladder) => ["", captionOf(ladder.condition), ...renderTable(ladderTable(ladder))]),
    "",
    ...result.notes.map((note) => `  ${note}`),
  ].join("\n");
}

export function captionOf(condition: Condition): string {
  const { agents, completedRows, queuedRows, streaming, work } = condition;
  const rows = `${completedRows.toLocaleString("en")} completed rows`;
  const queued = queuedRows > 0 ? `, ${queuedRows.toLocaleString("en")} queued rows that nobody can take` : "";
  const does = streaming ? `each task ${work} ms of work, streaming 10 progress frames a second` : "no streaming";
  return `${agents} agents, ${rows}${queued}, ${does}`;
}

export function ladderTable(ladder: Ladder): Table {
  return {
    caption: captionOf(ladder.condition),
    head: [
      "hub",
      "capacity tasks/s",
      "× reference",
      "CPU-ms/task",
      "× less CPU",
      "sync/task",
      "told apart",
      "held/missed/invalid",
    ],
    rows: ladder.rungs.map((rung) => [
      rung.valid ? rung.name : `${rung.name} (invalid)`,
      capacityText(rung, ladder.condition),
      rung.ratio ? estimateText(rung.ratio) : "",
      estimateText(rung.cpuMsPerTask),
      rung.cpuRatio ? estimateText(rung.cpuRatio) : "",
      rung.fsyncsPerTask ? significant(rung.fsyncsPerTask.value) : "–",
      toldApartText(rung),
      `${rung.trials.held}/${rung.trials.missed}/${rung.trials.invalid}`,
    ]),
    notes: notesOf(ladder),
  };
}

function capacityText(rung: RungResult, { agentsCeilingPerSec }: Condition): string {
  const text = estimateText(rung.capacity);
  if (!rung.atAgentsCeiling || agentsCeilingPerSec === null) return text;
  return `${text} (agents' limit ${significant(agentsCeilingPerSec)})`;
}

function toldApartText({ kind, toldApart, valid }: RungResult): string {
  if (kind === "reference" || !valid) return "";
  const by = [toldApart.byCapacity ? "capacity" : "", toldApart.byCpu ? "CPU" : ""].filter(Boolean);
  return by.length > 0 ? `by ${by.join(", ")}` : "no";
}

function notesOf({ order, rungs }: Ladder): string[] {
  const by =
    order.by === "gain" ? "by their gain alone, those without one in a fixed order" : "in the order that was asked for";
  return [
    `added up ${by}: ${order.fixes.join(", ")}`,
    ...rungs.flatMap((rung) => rung.invalidReasons.map((reason) => `${rung.name}: ${reason}`)),
  ];
}
