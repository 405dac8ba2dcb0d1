/** What `bench primitives` prints. */
import { ratioEstimate, scaled, seededRandom } from "../measure/estimate.ts";
import { renderTable } from "../report/terminal.ts";
import { estimateText } from "../report/summary.ts";
import type { PrimitivesResult } from "./primitives-run.ts";
import { PRIMITIVES, type PrimitiveCosts } from "./task-path.ts";

export function renderPrimitives(result: PrimitivesResult): string {
  const { comparison, repeats, bytes, agents, inFlight, seed } = result;
  const random = seededRandom(seed);
  const estimateOf = (name: keyof PrimitiveCosts) =>
    ratioEstimate(
      repeats.map(({ costs }) => ({ numerator: costs[name], denominator: 1 })),
      "CPU-µs",
      random,
    );
  const primitives = renderTable({
    caption: "Primitives",
    head: ["primitive", "CPU-µs of the serving process"],
    rows: Object.entries(PRIMITIVES).map(([name, what]) => [what, estimateText(estimateOf(name as keyof PrimitiveCosts))]),
    notes: [],
  });
  const path = renderTable({
    caption: "One task",
    head: ["one task", "times", "CPU-µs"],
    rows: [
      ...comparison.path.map(({ step, count, micros }) => [step, rounded(count), estimateText(scaled(micros, count))]),
      ["sum", "", estimateText(comparison.sum)],
      ["single-tuned, measured", "", estimateText(comparison.hub)],
    ],
    notes: [],
  });
  return [
    ...primitives,
    "",
    ...path,
    "",
    `single-tuned takes ${estimateText(comparison.ratio)} times the sum of its primitives`,
    `${repeats.length} repeats, interleaved · ${agents} agents, ${inFlight} tasks under way · ${rounded(comparison.rowsPerTask)} rows a task, ${rounded(comparison.rowsPerCommit)} rows a commit · bytes: ${sizes(bytes)}`,
  ].join("\n");
}

function sizes({ submitBody, accepted, complete, assign, acceptedAck, row }: PrimitivesResult["bytes"]): string {
  return `submission ${submitBody}, task_accepted ${accepted}, task_complete ${complete}, task_assign ${assign}, task_ack ${acceptedAck}, row ${row}`;
}

function rounded(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(2);
}
