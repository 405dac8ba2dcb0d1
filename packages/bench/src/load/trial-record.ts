import type { SidecarEvent } from "@hubscale/sidecar-sim";
import type { SidecarCounts, StageLatencies, TaskCounts, TrialShape } from "./generator-protocol.ts";
import type { HistoryEvent } from "./history-check.ts";
import type { LateBound, LateCount } from "./late-count.ts";
import { LatencyRecord } from "./latency-record.ts";
import type { Submission } from "./submitter.ts";

/** One submission. Times are the process's monotonic milliseconds. */
export interface Sent {
  intendedMs: number;
  sentMs: number;
  /** Its intended time lies in the measured window. */
  inWindow: boolean;
  /** From the intended time to the stage that is watched for lateness. */
  tookMs: number | undefined;
}

interface Tracked {
  sent: Sent;
  assigned: boolean;
  ended: boolean;
}

/** What came for a task whose 201 is still under way: a fast hub assigns, even completes, before it answers the submitter. */
interface Early {
  assignedMs: number | undefined;
  endedMs: number | undefined;
  end: "complete" | "dead_letter" | undefined;
}

type Stage = keyof StageLatencies;

/** The books of one trial: told of every submission, answer and sidecar event, it keeps counts, latencies and what is open. */
export class TrialRecord {
  readonly window: TaskCounts & { completedInTime: number } = { ...noTasks(), completedInTime: 0 };
  readonly whole: TaskCounts = noTasks();
  readonly inWindow = { acknowledged: 0, assigned: 0, completed: 0 };
  readonly sidecars: SidecarCounts = {
    rejected: 0,
    refused: 0,
    retried: 0,
    dropped: 0,
    disconnected: 0,
    rateLimited: 0,
    errors: {},
  };
  /** When the last task ended; the load's end before that. */
  lastEndMs: number;
  readonly #fromMs: number;
  #untilMs: number;
  readonly #graceMs: number;
  readonly #latency = newStages();
  readonly #service = newStages();
  readonly #tracked = new Map<string, Tracked>();
  readonly #early = new Map<string, Early>();
  readonly #note: (event: HistoryEvent) => void;
  readonly #watched: { stage: LateBound["stage"]; count: LateCount } | undefined;
  #sent = 0;
  #over = 0;
  #unanswered = 0;

  /**
   * `startMs`: when the warm-up begins. `note` hears of the events that the history check is made of; `watched` of every
   * submission of the window.
   */
  constructor(
    shape: Pick<TrialShape, "warmupMs" | "durationMs" | "graceMs">,
    startMs: number,
    note: (event: HistoryEvent) => void,
    watched?: { stage: LateBound["stage"]; count: LateCount },
  ) {
    this.#fromMs = startMs + shape.warmupMs;
    this.#untilMs = this.#fromMs + shape.durationMs;
    this.#graceMs = shape.graceMs;
    this.#note = note;
    this.lastEndMs = this.#untilMs;
    this.#watched = watched;
  }

  /** The load ends before its time. */
  cutShort(atMs: number): void {
    this.#untilMs = atMs;
    this.lastEndMs = atMs;
  }

  /** Submissions that may still lead to something: not refused, not ended. */
  get open(): number {
    return this.#sent - this.#over;
  }

  /** Submissions of which no answer has come. */
  get unanswered(): number {
    return this.#unanswered;
  }

  latency(): StageLatencies {
    return encoded(this.#latency);
  }

  service(): StageLatencies {
    return encoded(this.#service);
  }

  /** NaN when there were none. */
  quantilesMs(stage: Stage): { p50: number; p99: number } {
    return { p50: this.#latency[stage].quantileMs(50), p99: this.#latency[stage].quantileMs(99) };
  }

  sent(intendedMs: number, sentMs: number): Sent {
    const inWindow = intendedMs >= this.#fromMs && intendedMs < this.#untilMs;
    this.#sent++;
    this.#unanswered++;
    this.whole.offered++;
    if (inWindow) this.window.offered++;
    this.#note({ type: "submitted" });
    const sent: Sent = { intendedMs, sentMs, inWindow, tookMs: undefined };
    if (inWindow) this.#watched?.count.add(sent);
    return sent;
  }

  /** Returns whether nothing is left to wait for: a fast hub's completion can overtake its 201. */
  answered(sent: Sent, submission: Submission, atMs: number): boolean {
    this.#unanswered--;
    if (!submission.ok) {
      this.#over++;
      for (const counts of this.#countsOf(sent)) {
        if ("answer" in submission) increment(counts.refused, String(submission.answer));
        else increment(counts.failed, submission.error);
      }
      if ("isProtocolFault" in submission) this.#note({ type: "protocol_fault", what: submission.error });
      return false;
    }
    const { taskId } = submission;
    this.#note({ type: "acknowledged", taskId });
    for (const counts of this.#countsOf(sent)) counts.acknowledged++;
    if (this.#happensInWindow(atMs)) this.inWindow.acknowledged++;
    this.#time("submit", sent, atMs);
    if (this.#tracked.has(taskId)) {
      // The id of another submission: this one has no task whose end could be waited for.
      this.#over++;
      return true;
    }
    const tracked: Tracked = { sent, assigned: false, ended: false };
    this.#tracked.set(taskId, tracked);
    const early = this.#early.get(taskId);
    if (!early) return false;
    this.#early.delete(taskId);
    if (early.assignedMs !== undefined) this.#assigned(tracked, early.assignedMs);
    if (early.end === undefined || early.endedMs === undefined) return false;
    return this.#ended(tracked, early.end, early.endedMs);
  }

  /** Returns whether this event ended a task of the trial, for a load that waits for ends. */
  heard(event: SidecarEvent): boolean {
    switch (event.type) {
      case "assigned":
        this.#note(event);
        this.#onAssigned(event.taskId, event.atMs);
        return false;
      case "outcome_sent":
        this.#note(event);
        return false;
      case "outcome_acked":
        this.#note(event);
        // Nobody waited for it: a repetition, or one whose time says nothing.
        if (event.generation === null) return false;
        if (event.status === "retried") {
          this.sidecars.retried++;
          return false;
        }
        return this.#onEnded(event.taskId, event.status, event.atMs);
      case "outcome_refused":
        this.#note(event);
        this.sidecars.refused++;
        return false;
      case "protocol_fault":
        this.#note(event);
        return false;
      case "rejected_sent":
        this.sidecars.rejected++;
        return false;
      case "dropped":
        this.sidecars.dropped++;
        return false;
      case "disconnected":
        this.sidecars.disconnected++;
        return false;
      case "rate_limited":
        this.sidecars.rateLimited++;
        return false;
      case "error":
      case "turned_away":
        increment(this.sidecars.errors, event.error);
        return false;
      case "identified":
      case "accepted_sent":
      case "accepted_acked":
      case "continued":
        return false;
    }
  }

  #onAssigned(taskId: string, atMs: number): void {
    const tracked = this.#tracked.get(taskId);
    if (tracked) this.#assigned(tracked, atMs);
    else this.#earlyOf(taskId).assignedMs ??= atMs;
  }

  #onEnded(taskId: string, end: "complete" | "dead_letter", atMs: number): boolean {
    const tracked = this.#tracked.get(taskId);
    if (tracked) return this.#ended(tracked, end, atMs);
    const early = this.#earlyOf(taskId);
    early.end ??= end;
    early.endedMs ??= atMs;
    return false;
  }

  /** The latency to the first assignment; later ones are the hub making good. */
  #assigned(task: Tracked, atMs: number): void {
    if (task.assigned) return;
    task.assigned = true;
    for (const counts of this.#countsOf(task.sent)) counts.assigned++;
    if (this.#happensInWindow(atMs)) this.inWindow.assigned++;
    this.#time("assign", task.sent, atMs);
  }

  #ended(task: Tracked, end: "complete" | "dead_letter", atMs: number): boolean {
    if (task.ended) return false;
    task.ended = true;
    this.#over++;
    if (atMs > this.lastEndMs) this.lastEndMs = atMs;
    for (const counts of this.#countsOf(task.sent)) {
      if (end === "complete") counts.completed++;
      else counts.deadLettered++;
    }
    if (end !== "complete") return true;
    if (this.#happensInWindow(atMs)) this.inWindow.completed++;
    if (task.sent.inWindow && atMs < this.#untilMs + this.#graceMs) this.window.completedInTime++;
    this.#time("complete", task.sent, atMs);
    return true;
  }

  #time(stage: Stage, sent: Sent, atMs: number): void {
    if (!sent.inWindow) return;
    this.#latency[stage].add(atMs - sent.intendedMs);
    this.#service[stage].add(atMs - sent.sentMs);
    if (stage === this.#watched?.stage) sent.tookMs ??= atMs - sent.intendedMs;
  }

  #countsOf(sent: Sent): TaskCounts[] {
    return sent.inWindow ? [this.whole, this.window] : [this.whole];
  }

  #happensInWindow(atMs: number): boolean {
    return atMs >= this.#fromMs && atMs < this.#untilMs;
  }

  #earlyOf(taskId: string): Early {
    let early = this.#early.get(taskId);
    if (!early) {
      early = { assignedMs: undefined, endedMs: undefined, end: undefined };
      this.#early.set(taskId, early);
    }
    return early;
  }
}

function noTasks(): TaskCounts {
  return { offered: 0, acknowledged: 0, refused: {}, failed: {}, assigned: 0, completed: 0, deadLettered: 0 };
}

function newStages(): Record<Stage, LatencyRecord> {
  return { submit: new LatencyRecord(), assign: new LatencyRecord(), complete: new LatencyRecord() };
}

function encoded(stages: Record<Stage, LatencyRecord>): StageLatencies {
  return { submit: stages.submit.encode(), assign: stages.assign.encode(), complete: stages.complete.encode() };
}

function increment(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}
