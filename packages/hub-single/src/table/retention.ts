/**
 * Prunes the oldest completed rows (C7 mended), so that the table stays as large as what the hub still has to do. A completed
 * row that a live task names in `depends_on` stays: without it nobody could tell that the task may run.
 */
import type { Task } from "@hubscale/protocol";
import type { RowOutline } from "./task-row.ts";
import type { RowObserver } from "./task-table.ts";

/** Room to look back over a day of a busy fleet (10,000 tasks of 1.6 KB are 16 MB), and a scan at start of some 60 ms. */
export const RETAINED_COMPLETED_ROWS = 10_000;

/** Rows pruned together: one unsynced batch for so many completions costs next to nothing per task. */
const PRUNED_ROWS = 100;

export class Retention implements RowObserver {
  readonly #keepRows: number;
  readonly #forget: (taskIds: string[]) => void;
  /** Completed rows, the oldest first. */
  readonly #completed = new Set<string>();
  readonly #dependants = new Map<string, number>();

  /** `forget` is called with the rows to remove; it must not call back before it has returned. */
  constructor(parts: {
    keepRows: number;
    completed: readonly RowOutline[];
    live: readonly Task[];
    forget(taskIds: string[]): void;
  }) {
    this.#keepRows = parts.keepRows;
    this.#forget = (taskIds) => parts.forget(taskIds);
    for (const task of parts.live) this.#count(task, 1);
    for (const row of [...parts.completed].sort((a, b) => a.updated_at - b.updated_at)) this.#completed.add(row.id);
  }

  changed(before: Task | undefined, after: Task | undefined): void {
    const wasLive = before !== undefined && before.status !== "completed";
    const isLive = after !== undefined && after.status !== "completed";
    if (before && wasLive && !isLive) this.#count(before, -1);
    if (after && isLive && !wasLive) this.#count(after, 1);
    if (after?.status !== "completed" || !wasLive) return;
    this.#completed.add(after.id);
    if (this.#completed.size >= this.#keepRows + PRUNED_ROWS) this.prune();
  }

  /** Brings the table down to the limit; called by itself as tasks complete, and once after the start. */
  prune(): void {
    const pruned: string[] = [];
    for (const taskId of this.#completed) {
      if (this.#completed.size <= this.#keepRows) break;
      if (this.#dependants.has(taskId)) continue;
      this.#completed.delete(taskId);
      pruned.push(taskId);
    }
    if (pruned.length > 0) this.#forget(pruned);
  }

  #count(task: Task, change: 1 | -1): void {
    for (const taskId of task.depends_on) {
      const count = (this.#dependants.get(taskId) ?? 0) + change;
      if (count > 0) this.#dependants.set(taskId, count);
      else this.#dependants.delete(taskId);
    }
  }
}
