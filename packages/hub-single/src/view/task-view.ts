import type { Task, TaskFilter, TaskStats } from "@hubscale/protocol";

/**
 * What clients and sweeps ask about many tasks at once. Answers hold every change that was made before the call and nothing
 * that could still be lost.
 */
export interface TaskView {
  /** In dequeue order. Dead letters only where the filter asks for them: they are a table of their own on the wire. */
  list(filter: TaskFilter): Promise<Task[]>;
  stats(): Promise<TaskStats>;
}

type Filtered = Pick<Task, "status" | "priority" | "assigned_to" | "goal_id">;

export function fits(row: Filtered, filter: TaskFilter): boolean {
  if (filter.status === undefined ? row.status === "dead_letter" : row.status !== filter.status) return false;
  if (filter.priority !== undefined && row.priority !== filter.priority) return false;
  if (filter.assigned_to !== undefined && row.assigned_to !== filter.assigned_to) return false;
  return filter.goal_id === undefined || row.goal_id === filter.goal_id;
}

/** Counts rows by status, and the queued ones by priority; what has no rows is left out, as on the recorded wire. */
export class TaskCounts {
  readonly #byStatus = new Map<string, number>();
  readonly #byPriority = new Map<string, number>();

  count(row: Pick<Task, "status" | "priority">, change: 1 | -1): void {
    add(this.#byStatus, row.status, change);
    if (row.status === "queued") add(this.#byPriority, String(row.priority), change);
  }

  stats(queuedIndexSize: number): TaskStats {
    const { dead_letter = 0, ...byStatus } = Object.fromEntries(this.#byStatus);
    return {
      by_status: byStatus,
      by_priority: Object.fromEntries(this.#byPriority),
      dead_letter,
      queued_index_size: queuedIndexSize,
    };
  }
}

function add(counts: Map<string, number>, key: string, change: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
