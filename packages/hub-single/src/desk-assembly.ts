/** The task desk from its parts: one object for each cost of the reference hub, or for its fix. */
import type { Clock, RandomHex, Roster, StoreObserver } from "@hubscale/hub-runtime";
import type { Database } from "./data-folder.ts";
import type { Dispatcher, Endpoints } from "./dispatch/dispatcher.ts";
import { Dependents } from "./dispatch/dependents.ts";
import { HandOver } from "./dispatch/hand-over.ts";
import { type AgentTasks, Holdings, ScannedAgentTasks } from "./dispatch/holdings.ts";
import { IndexedDispatcher } from "./dispatch/indexed-dispatcher.ts";
import { EveryTriggerPasses, OnePendingPass, type Pass, type PassQueue } from "./dispatch/pass-queue.ts";
import { following, type QueuedIndex } from "./dispatch/queued-index.ts";
import { ReadyTasks } from "./dispatch/ready-tasks.ts";
import { ScanningDispatcher } from "./dispatch/scanning-dispatcher.ts";
import { SortedQueue } from "./dispatch/sorted-queue.ts";
import type { Fixes } from "./fixes.ts";
import { type Recovery, RecoveryFromStart, RecoveryOnReturn } from "./recovery.ts";
import { SingleDesk } from "./single-desk.ts";
import { Sweeps } from "./sweeps.ts";
import { GroupCommitTable } from "./table/group-commit-table.ts";
import { LevelRows } from "./table/level-rows.ts";
import { Retention } from "./table/retention.ts";
import { SerialSyncTable } from "./table/serial-sync-table.ts";
import { SubmissionKeys } from "./table/submission-keys.ts";
import { TaskCommands } from "./table/task-commands.ts";
import type { StoredRows } from "./table/task-row.ts";
import type { RowObserver, TaskTable } from "./table/task-table.ts";
import { CoalescedTouches, DurableTouches, type Touches } from "./touches.ts";
import { IndexedView, RowIndex } from "./view/indexed-view.ts";
import { ScannedView } from "./view/scanned-view.ts";
import { TaskCounts, type TaskView } from "./view/task-view.ts";
import { noWork, type WorkCounters } from "./work-counters.ts";

export interface DeskOptions {
  db: Database;
  /** What the store held at the start. */
  rows: StoredRows;
  fixes: Fixes;
  warts: boolean;
  retainCompletedRows: number;
  roster: Roster;
  endpoints: Endpoints;
  clock: Clock;
  randomHex: RandomHex;
  observeStore?: StoreObserver;
  onFailure(error: Error): void;
}

export interface AssembledDesk {
  readonly desk: SingleDesk;
  readonly table: TaskTable;
  readonly dispatcher: Dispatcher;
  readonly sweeps: Sweeps;
  readonly work: WorkCounters;
  /** Rows by status, for the hub's description: a look at it must not cost a scan. */
  readonly stored: TaskCounts;
}

export function assembleDesk(options: DeskOptions): AssembledDesk {
  const { clock, fixes, onFailure, roster, rows } = options;
  // Filled below: the observers of the table need the table.
  const observers: RowObserver[] = [];
  const work = noWork();
  const table = tableOf(options, observers, work);
  const commands = new TaskCommands(table, clock);

  const stored = countedFrom(rows, observers);
  const holdings = new Holdings(rows.live);
  observers.push(holdings);
  const { queued, ready } = queuesOf(options, table, observers, () => dispatcher.notify({ type: "endpoints_changed" }));
  const dependents = new Dependents({ table, commands, live: rows.live, onFailure });
  observers.push(dependents);
  const view = viewOf(options, table, queued, observers);
  const touches = touchesOf(options, commands, holdings, observers);
  if (fixes.has("C7")) observers.push(retentionOf(options, table));

  const agentTasks: AgentTasks = fixes.has("C8") ? holdings : new ScannedAgentTasks(table);
  const recovery: Recovery = options.warts
    ? new RecoveryOnReturn({ commands, agentTasks, clock, onFailure })
    : new RecoveryFromStart({
        commands,
        agentTasks,
        clock,
        onFailure,
        roster,
        held: holdings.all(),
        freed: (agentId) => dispatcher.notify({ type: "agent_idle", agentId }),
      });

  const handOver = new HandOver({ commands, holdings, roster, clock });
  const passes = (pass: Pass): PassQueue => {
    const counted = () => {
      work.schedulingPasses += 1;
      return pass();
    };
    return fixes.has("C10") ? new OnePendingPass(counted, onFailure) : new EveryTriggerPasses(counted, onFailure);
  };
  const dispatcher: Dispatcher = ready
    ? new IndexedDispatcher({
        ...options,
        ready,
        handOver,
        passes,
        mayTake: (agentId) => recovery.mayTake(agentId),
      })
    : new ScanningDispatcher({ ...options, table, handOver, work, passes });
  // The last: by the time it schedules, every index has the row.
  observers.push(dispatcher);

  const submissionKeys = new SubmissionKeys(options.db, clock);
  const sweeps = new Sweeps({ view, commands, roster, clock, submissionKeys, takesOverdueAgain: options.warts, onFailure });
  const parts = { table, commands, view, dispatcher, dependents, holdings, touches, recovery, sweeps, submissionKeys };
  const desk = new SingleDesk({ ...options, ...parts });
  return { desk, table, dispatcher, sweeps, work, stored };
}

function countedFrom(rows: StoredRows, observers: RowObserver[]): TaskCounts {
  const counts = new TaskCounts();
  for (const row of [...rows.live, ...rows.completed]) counts.count(row, 1);
  observers.push({
    changed(before, after) {
      if (before) counts.count(before, -1);
      if (after) counts.count(after, 1);
    },
    // Only completed rows are ever pruned.
    forgotten: () => counts.count({ status: "completed", priority: 0 }, -1),
  });
  return counts;
}

function tableOf(
  { db, observeStore, fixes, rows, onFailure }: DeskOptions,
  observers: readonly RowObserver[],
  work: WorkCounters,
): TaskTable {
  if (fixes.has("C1"))
    return new GroupCommitTable({ rows: new LevelRows(db, work, observeStore), observers, live: rows.live, onFailure });
  return new SerialSyncTable({ db, observers, work, observeStore, onFailure });
}

/** `ready` is there where scheduling (C3) needs it; `queued` is the index that the hub shows (C4), the same one or another. */
function queuesOf(
  { fixes, rows, onFailure }: DeskOptions,
  table: TaskTable,
  observers: RowObserver[],
  onReady: () => void,
): { queued: QueuedIndex; ready: ReadyTasks | undefined } {
  const stored = rows.live.filter((task) => task.status === "queued");
  const readyTasks = () => {
    const ready = new ReadyTasks({
      completedAmong: async (taskIds) => {
        const found = await table.getMany(taskIds);
        return found.filter((row) => row.status === "completed").map((row) => row.id);
      },
      onReady,
      onFailure,
    });
    for (const task of stored) ready.add(task);
    observers.push(ready);
    return ready;
  };
  const sortedQueue = () => {
    const queue = new SortedQueue(stored);
    observers.push(following(queue));
    return queue;
  };
  const lanes = fixes.has("C3") || fixes.has("C4") ? readyTasks() : undefined;
  const queued = fixes.has("C4") && lanes ? lanes : sortedQueue();
  return { queued, ready: fixes.has("C3") ? lanes : undefined };
}

function viewOf({ fixes, rows }: DeskOptions, table: TaskTable, queued: QueuedIndex, observers: RowObserver[]): TaskView {
  if (!fixes.has("C2")) return new ScannedView(table, queued);
  const index = new RowIndex(rows);
  observers.push(index);
  return new IndexedView(table, index, queued);
}

function touchesOf(
  { clock, fixes, onFailure }: DeskOptions,
  commands: TaskCommands,
  holdings: Holdings,
  observers: RowObserver[],
): Touches {
  if (!fixes.has("C6")) return new DurableTouches(commands);
  const touches = new CoalescedTouches({ commands, holdings, clock, onFailure });
  observers.push(touches);
  return touches;
}

function retentionOf({ retainCompletedRows, rows, onFailure }: DeskOptions, table: TaskTable): Retention {
  const retention = new Retention({
    keepRows: retainCompletedRows,
    completed: rows.completed,
    live: rows.live,
    forget: (taskIds) => {
      table.forget(taskIds).catch(onFailure);
    },
  });
  retention.prune();
  return retention;
}
