/**
 * How a task is written into a BullMQ job, and read back. The job's data is a snapshot of the task; what BullMQ itself records
 * atomically with each move (attempts started, who took it and when) is the rest, and the present task is had by folding
 * those through the same transitions as everywhere else. So an assignment costs no write of the task, and a completion
 * writes only what the agent said.
 */
import { type TaskCommand, transition } from "@hubscale/hub-core";
import type { RoutingDecision, Task } from "@hubscale/protocol";
import type { Completion } from "../backbone.ts";

/** The job's `data`: the task as it last was written whole, and how often the job had been started by then. */
export interface Snapshot {
  task: Task;
  starts: number;
}

/** The job's field `touch`, written now and then while a task is held. Counts only for the start that it names. */
export interface Touch {
  starts: number;
  atMs: number;
  decision: RoutingDecision | null;
}

/** What Redis knows of a job, beside its snapshot. */
export interface JobFacts {
  state: JobState;
  /** BullMQ's count of moves to active (`ats`). */
  starts: number;
  /** Time and agent of the last start; null before the first. */
  startedAtMs: number | null;
  startedBy: string | null;
  /** When it was last queued again by hand. */
  retriedAtMs?: number | undefined;
  /** The job's field `done`, written with the move to completed. */
  completion?: Completion | undefined;
  touch?: Touch | undefined;
}

export type JobState = "queued" | "active" | "completed" | "failed";

/** The task as it now is. Throws on a job that this hub cannot have written. */
export function taskOf(snapshot: Snapshot, facts: JobFacts): Task {
  if (facts.state === "failed") return snapshot.task;
  let task = snapshot.task;
  // A dead letter that is queued again: BullMQ moved the job, the snapshot still tells of the dead letter.
  if (task.status === "dead_letter") task = after(task, { type: "retry" }, facts.retriedAtMs ?? task.updated_at);
  const startedBy = facts.startedBy ?? "";
  const startedAtMs = facts.startedAtMs ?? task.updated_at;
  const starts = facts.starts - snapshot.starts;
  const lostLeases = facts.state === "queued" ? starts : starts - 1;
  for (let lost = 0; lost < lostLeases; lost++) task = withLostLease(task, startedBy, startedAtMs);
  if (facts.state === "queued") return task;
  const { completion, touch } = facts;
  const decision = completion?.decision ?? (touch?.starts === facts.starts ? touch.decision : null);
  if (decision) task = { ...task, routing_decision: decision };
  task = after(task, { type: "assign", agentId: startedBy }, startedAtMs);
  if (completion) return after(task, completion.command, completion.atMs);
  return touch?.starts === facts.starts && touch.atMs > task.updated_at ? { ...task, updated_at: touch.atMs } : task;
}

/** The agent of an earlier lost start is not recorded; the last one's name stands for it. */
function withLostLease(task: Task, agentId: string, atMs: number): Task {
  const assigned = after(task, { type: "assign", agentId }, atMs);
  return after(assigned, { type: "reclaim", reason: "lease_expired" }, atMs);
}

function after(task: Task, command: TaskCommand, atMs: number): Task {
  const next = transition(task, command, atMs);
  if (!next.ok || !next.task) throw new Error(`task ${task.id} is ${task.status}: its job holds an impossible ${command.type}`);
  return next.task;
}
