import type { Task } from "@hubscale/protocol";
import type { RowObserver } from "../table/task-table.ts";

/** The queued tasks, kept beside the table (C4). */
export interface QueuedIndex {
  readonly size: number;
  add(task: Task): void;
  /** A no-op if the task is not there. */
  remove(taskId: string): void;
}

/** Keeps an index up to date with the table. */
export function following(index: QueuedIndex): RowObserver {
  return {
    changed(before, after) {
      if (before?.status === "queued" && after?.status !== "queued") index.remove(before.id);
      if (after?.status === "queued" && before?.status !== "queued") index.add(after);
    },
  };
}
