import type { RowOperation } from "../backplane/durable-rows.ts";
import type { Task } from "@hubscale/protocol";

/**
 * The one owner of the task rows. Changes take effect in the order of the calls. A resolved promise means that the change, and
 * everything that the answer rests on, survives a loss of power. A rejected one means that the store has failed: nothing more
 * may be acknowledged, and the hub must stop.
 */
export interface TaskTable {
  /** Stores a row under a new id, and these other rows of the store with it: all or none. */
  insert(task: Task, others?: readonly RowOperation[]): Promise<void>;
  /** Lets `decide` see the row in its turn and say what becomes of it. `decide` may run later than the call, but only once. */
  mutate<A>(taskId: string, decide: (row: Task | undefined) => Decision<A>): Promise<A>;
  /** The rows of these ids, those that exist, in the order of the ids; as of the changes before this call, at least. */
  getMany(taskIds: readonly string[]): Promise<Task[]>;
  /** Reads and decodes every stored row, completed ones included. O(table). */
  fold(visit: (task: Task) => void): Promise<void>;
  /** Removes completed rows. No sync is made for it alone: a removal that is lost in a crash is made again at the next start. */
  forget(taskIds: readonly string[]): Promise<void>;
  /** Resolves when all changes made before this call are durable. */
  settled(): Promise<void>;
  /** Operations that have been called for and not done. */
  readonly backlog: number;
}

/** `row` absent: it stays as it is; null: it is removed. */
export interface Decision<A> {
  answer: A;
  row?: Task | null;
}

/** Hears of every change of a row as soon as the table counts with it, in order. Must not throw, and must not wait. */
export interface RowObserver {
  /** `before` undefined: a new row; `after` undefined: removed by a command. */
  changed(before: Task | undefined, after: Task | undefined): void;
  /** A completed row was pruned. */
  forgotten?(taskId: string): void;
}
