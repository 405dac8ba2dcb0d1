import type { FreeRunEnd, FreeRunState } from "./free-run.ts";

/** One line on how a run by hand is going. `before`: the state at the line before it. */
export function progressLine(state: FreeRunState, before: FreeRunState | undefined, agents: number): string {
  const seconds = (state.elapsedMs - (before?.elapsedMs ?? 0)) / 1000;
  const rate = (key: "submitted" | "completed") => ((state[key] - (before?.[key] ?? 0)) / seconds).toFixed(1);
  const parts = [
    `${Math.round(state.elapsedMs / 1000)} s`,
    `agents ${state.online}/${agents}, ${state.busy} busy`,
    `assigned ${state.assigned}`,
    `completed ${state.completed} (${rate("completed")}/s)`,
  ];
  if (state.submitted > 0) parts.push(`submitted ${state.submitted} (${rate("submitted")}/s), ${state.open} open`);
  return [...parts, ...troubles(state)].join(" · ");
}

/** What a person wants to know at the end; each entry one line. */
export function summaryLines(end: FreeRunEnd, agents: number): string[] {
  const { state, history } = end;
  const lines = [
    `${(state.elapsedMs / 1000).toFixed(1)} s with ${agents} agents: ${state.assigned} assigned, ${state.completed} completed, ${state.failed} failed, ${state.rejected} rejected as busy`,
  ];
  if (state.submitted > 0) {
    lines.push(
      `submitted ${state.submitted}, acknowledged ${state.acknowledged}, not acknowledged ${counted(state.unacknowledged)}`,
      `from the intended submission to the assignment: p50 ${ms(end.assignMs.p50)}, p99 ${ms(end.assignMs.p99)}; to the completion's ack: p50 ${ms(end.completeMs.p50)}, p99 ${ms(end.completeMs.p99)}`,
      `history: completed ${history.completed}, dead-lettered ${history.deadLettered}, lost ${history.lost}, duplicated ${history.duplicated}, stale accepted ${history.staleAccepted}, generations out of order ${history.generationFaults}, not ended ${history.unfinished}${end.drained ? "" : " (stopped waiting)"}`,
    );
    if ((state.unacknowledged["429"] ?? 0) > 0) {
      lines.push("the hub limited submissions (429): with the reference's limits one submitter has 10 tasks a minute");
    }
  }
  const trouble = troubles(state);
  if (trouble.length > 0) lines.push(trouble.join(" · "));
  return lines;
}

function troubles(state: FreeRunState): string[] {
  const parts: string[] = [];
  if (state.disconnected > 0) parts.push(`disconnected ${state.disconnected}×`);
  if (state.rateLimited > 0) parts.push(`frames dropped by rate limit ${state.rateLimited}`);
  if (state.refusedOutcomes > 0) parts.push(`outcomes refused ${state.refusedOutcomes}`);
  if (Object.keys(state.errors).length > 0) parts.push(`errors: ${counted(state.errors)}`);
  return parts;
}

function counted(counts: Record<string, number>): string {
  const entries = Object.entries(counts);
  return entries.length === 0 ? "0" : entries.map(([what, count]) => `${count} × ${what}`).join(", ");
}

function ms(value: number): string {
  return Number.isNaN(value) ? "–" : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}
