import { TIMERS } from "@hubscale/protocol";
import type { Traffic } from "@hubscale/sidecar-sim";
import { GENERATOR_LIMITS } from "../measure/trial-judgement.ts";
import type { ProcessLoad } from "./process-load.ts";
import type { FreeRunEnd, FreeRunState } from "./free-run.ts";
import type { HistoryVerdict } from "./history-check.ts";
import { protocolFaultsText } from "../results/history.ts";

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
      `history: completed ${history.completed}, dead-lettered ${history.deadLettered}, lost ${history.lost}, duplicated ${history.duplicated}, stale accepted ${history.staleAccepted}, generations out of order ${history.generationFaults}, not ended ${history.unfinished}, not known ${history.unverified}${end.drained ? "" : " (stopped waiting)"}`,
    );
    if ((state.unacknowledged["429"] ?? 0) > 0) {
      lines.push("the hub limited submissions (429): with the reference's limits one submitter has 10 tasks a minute");
    }
  }
  lines.push(...verdictLines(history), ...costLines(end));
  const trouble = troubles(state);
  if (trouble.length > 0) lines.push(trouble.join(" · "));
  return lines;
}

/** What a guarantee did not hold for, with examples; empty: a clean history of a hub that keeps to the contract. */
export function verdictLines(history: HistoryVerdict): string[] {
  const { offenders, lostBecause, unverifiedBecause } = history;
  const of = (count: number, what: string, tasks: readonly string[], because: Record<string, number> = {}) => {
    const reasons = Object.keys(because).length === 0 ? "" : `: ${counted(because)}`;
    return count === 0 ? [] : [`NOT CLEAN: ${count} ${what}${reasons} (for instance ${tasks.slice(0, 3).join(", ")})`];
  };
  const protocolFaults = protocolFaultsText(history.protocolFaults);
  return [
    ...of(history.lost, "acknowledged tasks are lost", offenders.lost, lostBecause),
    ...of(history.duplicated, "tasks ended more than once, or were handed out after their end", offenders.duplicated),
    ...of(history.staleAccepted, "tasks of which a stale outcome was accepted", offenders.staleAccepted),
    ...of(history.generationFaults, "tasks whose generations did not rise", offenders.generationFaults),
    ...of(
      history.unverified,
      "acknowledged tasks may be lost, since the hub could not be asked",
      offenders.unverified,
      unverifiedBecause,
    ),
    ...(protocolFaults === undefined ? [] : [`the hub broke the contract: ${protocolFaults}`]),
  ];
}

/** What the connections took, and what each of them keeps of the machine's memory. */
export function connectedLine(agents: number, connectMs: number, loads: readonly ProcessLoad[]): string {
  const grown = loads.reduce((sum, load) => sum + load.rssBytes - load.rssAtStartBytes, 0);
  return [
    `all connected in ${(connectMs / 1000).toFixed(1)} s (${Math.round((agents * 1000) / connectMs)}/s)`,
    `memory ${(grown / agents / 1024).toFixed(1)} KiB per agent (resident, over that before the first connection)`,
    ...(loads.length > 1 ? [`${loads.length} processes`] : []),
  ].join(" · ");
}

/** Where the hub's own limits, which no time scale changes, are touched. */
export function timeScaleNotes(timeScale: number): string[] {
  const pingsPerMin = (60_000 / TIMERS.pingEveryMs) * timeScale;
  const notes: string[] = [];
  if (timeScale < 1) {
    notes.push(
      "in slow motion only the work is slowed: pings, reports and reconnects keep the contract's times, since a hub's limits do",
    );
  }
  if (pingsPerMin > LIGHT_FRAMES_PER_MIN) {
    notes.push(
      `at ×${timeScale} an agent pings ${Math.round(pingsPerMin)} times a minute; a hub with the reference's rate limits allows ${LIGHT_FRAMES_PER_MIN}: start it with --rate-limits off`,
    );
  }
  if (timeScale > 1) {
    notes.push(
      "the hub's own times (60 s to accept a task, 60 s unseen, sweeps of 30 s, 10 min in the queue) are not scaled: they are that much longer for these agents",
    );
  }
  return notes;
}

/** Token bucket `light` of the reference: pings, lists, statuses. */
const LIGHT_FRAMES_PER_MIN = 120;

function costLines({ state, counters, traffic, loads, scheduleLagMsP99 }: FreeRunEnd): string[] {
  const cpuSeconds = loads.reduce((sum, load) => sum + load.cpuSeconds, 0);
  const frames = counters.wsFramesIn + counters.wsFramesOut;
  const loopDelayMsP99 = Math.max(...loads.map((load) => load.loopDelayMsP99));
  const busiest = Math.max(...loads.map((load) => (load.cpuSeconds * 1000) / state.elapsedMs));
  const lines = [
    `frames ${counters.wsFramesOut} out, ${counters.wsFramesIn} in: ${Math.round(frames / cpuSeconds)} a second for each core (${cpuSeconds.toFixed(2)} CPU-s in ${loads.length} ${loads.length === 1 ? "process" : "processes"})`,
    `to the hub ${bytes(counters.wsBytesOut)} (${bytes(counters.wsWireBytesOut)} on the wire), from it ${bytes(counters.wsBytesIn)} (${bytes(counters.wsWireBytesIn)})${segment("Ollama", traffic.ollama)}${segment("API", traffic.api)}`,
    `itself: busiest process ${Math.round(100 * busiest)} % of a core, event-loop delay p99 ${ms(loopDelayMsP99)}, submissions late p99 ${ms(scheduleLagMsP99)}`,
  ];
  const doubts = [
    ...(busiest > GENERATOR_LIMITS.cpuShare ? ["no core to spare"] : []),
    ...(loopDelayMsP99 > GENERATOR_LIMITS.loopDelayMsP99 ? ["the event loop stood still"] : []),
    ...(scheduleLagMsP99 > GENERATOR_LIMITS.scheduleLagMsP99 ? ["submissions were late"] : []),
  ];
  if (doubts.length > 0) {
    lines.push(
      `INVALID as a measurement of the hub (${doubts.join(", ")}): use fewer agents, a lower rate or more --processes`,
    );
  }
  return lines;
}

function segment(name: string, { upBytes, downBytes }: Traffic): string {
  return upBytes + downBytes === 0 ? "" : ` · to ${name} ${bytes(upBytes)}, from it ${bytes(downBytes)}`;
}

function bytes(count: number): string {
  return count < 1e6 ? `${(count / 1e3).toFixed(1)} KB` : `${(count / 1e6).toFixed(1)} MB`;
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
