/** Answers by reading and decoding every row of the table, completed ones included (C2). */
import { byDequeueOrder } from "@hubscale/hub-core";
import type { Task, TaskFilter, TaskStats } from "@hubscale/protocol";
import type { QueuedIndex } from "../dispatch/queued-index.ts";
import type { TaskTable } from "../table/task-table.ts";
import { fits, TaskCounts, type TaskView } from "./task-view.ts";

export class ScannedView implements TaskView {
  readonly #table: TaskTable;
  readonly #queued: QueuedIndex;

  constructor(table: TaskTable, queued: QueuedIndex) {
    this.#table = table;
    this.#queued = queued;
  }

  async list(filter: TaskFilter): Promise<Task[]> {
    const found: Task[] = [];
    await this.#table.fold((task) => {
      if (fits(task, filter)) found.push(task);
    });
    return found.sort(byDequeueOrder);
  }

  async stats(): Promise<TaskStats> {
    const counts = new TaskCounts();
    await this.#table.fold((task) => counts.count(task, 1));
    return counts.stats(this.#queued.size);
  }
}
