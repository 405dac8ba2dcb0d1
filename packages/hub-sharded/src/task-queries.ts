/** Lists and counts over all queues. Each queue is seen as of a moment of its own. */
import type { Task, TaskFilter, TaskStats } from "@hubscale/protocol";
import type { QueueDirectory } from "./backbone.ts";

export class TaskQueries {
  readonly #queues: QueueDirectory;

  constructor({ queues }: { queues: QueueDirectory }) {
    this.#queues = queues;
  }

  /** Sorted by (priority, created_at). */
  async list(filter: TaskFilter): Promise<Task[]> {
    await this.#queues.refresh();
    const tasks: Task[] = [];
    for (const queue of this.#queues.all()) tasks.push(...(await queue.list(filter.status)));
    const { status, priority, assigned_to: assignedTo, goal_id: goalId } = filter;
    const wanted = tasks.filter(
      (task) =>
        (status === undefined || task.status === status) &&
        (priority === undefined || task.priority === priority) &&
        (assignedTo === undefined || task.assigned_to === assignedTo) &&
        (goalId === undefined || task.goal_id === goalId),
    );
    return wanted.sort((a, b) => a.priority - b.priority || a.created_at - b.created_at);
  }

  /** Completed tasks are counted as far as they are kept. */
  async stats(): Promise<TaskStats> {
    await this.#queues.refresh();
    const byPriority: Record<string, number> = {};
    const byStatus = { queued: 0, assigned: 0, completed: 0 };
    let deadLetter = 0;
    let parked = 0;
    for (const queue of this.#queues.all()) {
      const counts = await queue.counts();
      byStatus.assigned += counts.assigned;
      byStatus.completed += counts.completed;
      deadLetter += counts.deadLetter;
      parked += counts.parked;
      counts.queued.forEach((count, priority) => {
        byStatus.queued += count;
        if (count > 0) byPriority[priority] = (byPriority[priority] ?? 0) + count;
      });
    }
    const present = Object.entries(byStatus).filter(([, count]) => count > 0);
    return {
      by_status: Object.fromEntries(present),
      by_priority: byPriority,
      dead_letter: deadLetter,
      queued_index_size: byStatus.queued - parked,
    };
  }
}
