/** The queued tasks as the reference hub keeps them: a sorted list, sorted again on each insert, filtered on each removal (C4). */
import { byDequeueOrder } from "@hubscale/hub-core";
import type { Task } from "@hubscale/protocol";
import type { QueuedIndex } from "./queued-index.ts";

export class SortedQueue implements QueuedIndex {
  #entries: Entry[];

  constructor(queued: readonly Task[]) {
    this.#entries = queued.map(entryOf).sort(byDequeueOrder);
  }

  get size(): number {
    return this.#entries.length;
  }

  add(task: Task): void {
    this.#entries = [entryOf(task), ...this.#entries].sort(byDequeueOrder);
  }

  remove(taskId: string): void {
    this.#entries = this.#entries.filter((entry) => entry.id !== taskId);
  }
}

type Entry = Pick<Task, "id" | "priority" | "created_at">;

function entryOf({ id, priority, created_at }: Task): Entry {
  return { id, priority, created_at };
}
