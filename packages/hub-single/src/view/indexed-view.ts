/** Answers from an index in memory (C2 mended): counts are kept, and a list reads the rows that it shows and no others. */
import { byDequeueOrder } from "@hubscale/hub-core";
import type { Task, TaskFilter, TaskStats, TaskStatus } from "@hubscale/protocol";
import type { QueuedIndex } from "../dispatch/queued-index.ts";
import { outlineOf, type RowOutline, type StoredRows } from "../table/task-row.ts";
import type { RowObserver, TaskTable } from "../table/task-table.ts";
import { fits, TaskCounts, type TaskView } from "./task-view.ts";

/** The index, kept up to date by the table. */
export class RowIndex implements RowObserver {
  readonly #outlines = new Map<string, RowOutline>();
  readonly #byStatus: Record<TaskStatus, Map<string, RowOutline>> = {
    queued: new Map(),
    assigned: new Map(),
    completed: new Map(),
    dead_letter: new Map(),
  };
  readonly #counts = new TaskCounts();

  constructor(rows: StoredRows) {
    for (const row of rows.live) this.#put(outlineOf(row));
    for (const row of rows.completed) this.#put(row);
  }

  changed(before: Task | undefined, after: Task | undefined): void {
    const known = before && this.#outlines.get(before.id);
    if (known && known.status === after?.status) {
      // Routed or touched: of what the index keeps, only the time has changed.
      known.updated_at = after.updated_at;
      return;
    }
    if (before) this.forgotten(before.id);
    if (after) this.#put(outlineOf(after));
  }

  forgotten(taskId: string): void {
    const outline = this.#outlines.get(taskId);
    if (!outline) return;
    this.#outlines.delete(taskId);
    this.#byStatus[outline.status].delete(taskId);
    this.#counts.count(outline, -1);
  }

  /** Those that fit, in dequeue order. O(rows of the status + found × log found). */
  find(filter: TaskFilter): RowOutline[] {
    const rows = filter.status === undefined ? this.#outlines : this.#byStatus[filter.status];
    return [...rows.values()].filter((row) => fits(row, filter)).sort(byDequeueOrder);
  }

  stats(queuedIndexSize: number): TaskStats {
    return this.#counts.stats(queuedIndexSize);
  }

  #put(outline: RowOutline): void {
    this.#outlines.set(outline.id, outline);
    this.#byStatus[outline.status].set(outline.id, outline);
    this.#counts.count(outline, 1);
  }
}

export class IndexedView implements TaskView {
  readonly #table: TaskTable;
  readonly #index: RowIndex;
  readonly #queued: QueuedIndex;

  constructor(table: TaskTable, index: RowIndex, queued: QueuedIndex) {
    this.#table = table;
    this.#index = index;
    this.#queued = queued;
  }

  async list(filter: TaskFilter): Promise<Task[]> {
    const rows = await this.#table.getMany(this.#index.find(filter).map((row) => row.id));
    // Where the table answers in its own time, a row may have moved on since the index was asked.
    return rows.filter((row) => fits(row, filter));
  }

  async stats(): Promise<TaskStats> {
    const stats = this.#index.stats(this.#queued.size);
    await this.#table.settled();
    return stats;
  }
}
