/** Lists and counts of one queue. Tickets and records are read one after the other, so a task that moves meanwhile may show as it was. */
import type { Task, TaskStatus } from "@hubscale/protocol";
import type { QueueCounts, Stored } from "../backbone.ts";
import type { ConsumerState } from "./jetstream.ts";
import type { RecordedHold, RecordState, TaskRecord, TaskRecords } from "./task-records.ts";
import { PRIORITIES, type TicketLanes } from "./ticket-lanes.ts";

/** What is stored of a task, with what a change of it has to name. */
export interface StoredRecord extends Stored {
  readonly hold: RecordedHold | null;
  /** 0: there is no record. */
  readonly revision: number;
  /** Sequence of the ticket, where it was read. */
  readonly ticket: number | undefined;
}

/** Tickets read together. */
const READ_CHUNK = 100;
/** Waiting tasks that are found at once. */
const WAITING_CHUNK = 100;

export async function listTasks(tickets: TicketLanes, records: TaskRecords, status: TaskStatus | undefined): Promise<Task[]> {
  // Tickets first: a task that leaves its ticket for a record meanwhile shows as the record.
  const waiting = status === undefined || status === "queued" ? await tickets.taskIds() : [];
  const recorded = new Map((await records.all()).map(({ task }) => [task.id, task]));
  const tasks = [...recorded.values()].filter((task) => status === undefined || task.status === status);
  const unrecorded = waiting.filter((taskId) => !recorded.has(taskId));
  for (let at = 0; at < unrecorded.length; at += READ_CHUNK) {
    const found = await Promise.all(unrecorded.slice(at, at + READ_CHUNK).map((taskId) => tickets.find(taskId)));
    for (const ticket of found) if (ticket) tasks.push(ticket.task);
  }
  return tasks;
}

export function countsOf(
  tickets: TicketLanes,
  lanes: ReadonlyMap<string, ConsumerState>,
  states: readonly RecordState[],
): QueueCounts {
  const queued = PRIORITIES.map((priority) => lanes.get(tickets.laneOf(priority))?.pending ?? 0);
  const counts = { parked: 0, assigned: 0, completed: 0, deadLetter: 0 };
  for (const { priority, state } of states) {
    if (state === "queued" || state === "parked") queued[priority] = (queued[priority] ?? 0) + 1;
    if (state === "parked") counts.parked++;
    if (state === "assigned") counts.assigned++;
    if (state === "completed") counts.completed++;
    if (state === "dead_letter") counts.deadLetter++;
  }
  return { queued, ...counts };
}

/** Tickets lie in the order of their age; that of a task which was queued again stays where it was. */
export async function longWaitingTasks(tickets: TicketLanes, records: TaskRecords, beforeMs: number): Promise<StoredRecord[]> {
  const old: StoredRecord[] = [];
  for (const priority of PRIORITIES) {
    let ticket = await tickets.next(priority, 1);
    while (ticket && ticket.task.created_at <= beforeMs && old.length < WAITING_CHUNK) {
      const { record, revision } = await records.read(ticket.task.id);
      const stored = { ...waitingOf(record, ticket.task), revision, ticket: ticket.seq };
      const isGone = record === undefined && revision > 0;
      if (!isGone && stored.task.status === "queued" && !stored.parked && stored.task.updated_at <= beforeMs) old.push(stored);
      ticket = await tickets.next(priority, ticket.seq + 1);
    }
  }
  return old;
}

function waitingOf(record: TaskRecord | undefined, task: Task): Pick<StoredRecord, "task" | "parked" | "hold"> {
  return record ?? { task, parked: false, hold: null };
}
