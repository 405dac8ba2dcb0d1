/** A task as a row of the store: JSON under `task/<id>`. */
import type { Task } from "@hubscale/protocol";
import { CannotStart } from "../cannot-start.ts";
import { type Database, KEYS, rangeOf } from "../data-folder.ts";

export function keyOf(taskId: string): string {
  return KEYS.task + taskId;
}

/** Throws `CannotStart` (`store_corrupt`) if the text is not a task. */
export function decodeTask(key: string, text: string): Task {
  try {
    const row: unknown = JSON.parse(text);
    if (isTaskOf(key, row)) return row;
  } catch (error) {
    throw damaged(key, error);
  }
  throw damaged(key, undefined);
}

/** What the indexes keep of a completed row, whose body stays on disk. */
export type RowOutline = Pick<Task, "id" | "status" | "priority" | "created_at" | "updated_at" | "assigned_to" | "goal_id">;

export function outlineOf(task: Task): RowOutline {
  const { id, status, priority, created_at, updated_at, assigned_to, goal_id } = task;
  return { id, status, priority, created_at, updated_at, assigned_to, goal_id };
}

/** All rows at the start of a hub: whole where they may still change, in outline where they are done. */
export interface StoredRows {
  live: Task[];
  completed: RowOutline[];
}

/** One scan of every row. Throws `CannotStart` on a damaged one: a hub must not run on half a table. */
export async function readStoredRows(db: Database): Promise<StoredRows> {
  const rows: StoredRows = { live: [], completed: [] };
  await scanTasks(db, (task) => {
    if (task.status === "completed") rows.completed.push(outlineOf(task));
    else rows.live.push(task);
  });
  return rows;
}

/** Reads and decodes every task row, in order of the ids. */
export async function scanTasks(db: Pick<Database, "iterator">, visit: (task: Task) => void): Promise<void> {
  const iterator = db.iterator(rangeOf(KEYS.task));
  try {
    for (;;) {
      const entries = await iterator.nextv(SCAN_ROWS);
      if (entries.length === 0) return;
      for (const [key, text] of entries) visit(decodeTask(key, text));
    }
  } catch (error) {
    if (error instanceof CannotStart) throw error;
    throw damaged("the task table", error);
  } finally {
    await iterator.close();
  }
}

/** Rows fetched at once: about a megabyte and a half, a few milliseconds of decoding between looks at the sockets. */
const SCAN_ROWS = 1_000;

function isTaskOf(key: string, row: unknown): row is Task {
  if (typeof row !== "object" || row === null) return false;
  const { id, status, generation } = row as Partial<Task>;
  return typeof id === "string" && keyOf(id) === key && typeof status === "string" && typeof generation === "number";
}

function damaged(key: string, cause: unknown): CannotStart {
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  return new CannotStart("store_corrupt", `the stored row ${key} is damaged${why}; restore the data folder from a copy`, {
    cause,
  });
}
