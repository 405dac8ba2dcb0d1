/** Lists and counts, read from Redis queue by queue. Each queue is seen as of a moment of its own. */
import type { Task, TaskFilter, TaskStats } from "@hubscale/protocol";
import type { QueueMap } from "./queue-map.ts";
import type { RedisLink } from "./redis-link.ts";
import { PRIORITY_LANE } from "./queue-scripts.ts";
import type { ShardQueue } from "./shard-queue.ts";

/** Tasks read by one pipeline: about a megabyte of rows. */
const READ_CHUNK = 500;

export class TaskQueries {
  readonly #link: RedisLink;
  readonly #queues: QueueMap;

  constructor({ link, queues }: { link: RedisLink; queues: QueueMap }) {
    this.#link = link;
    this.#queues = queues;
  }

  /** Sorted by (priority, created_at). */
  async list(filter: TaskFilter): Promise<Task[]> {
    await this.#link.run(() => this.#queues.refresh());
    const tasks: Task[] = [];
    for (const queue of this.#queues.all()) tasks.push(...(await this.#listOf(queue, filter.status)));
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
    await this.#link.run(() => this.#queues.refresh());
    const byPriority: Record<string, number> = {};
    const byStatus = { queued: 0, assigned: 0, completed: 0 };
    let deadLetter = 0;
    let parked = 0;
    for (const queue of this.#queues.all()) {
      const counts = await this.#countsOf(queue);
      byStatus.queued += counts.queued;
      byStatus.assigned += counts.active;
      byStatus.completed += counts.completed;
      deadLetter += counts.failed;
      parked += counts.parked;
      counts.byPriority.forEach((count, priority) => {
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

  async #listOf(queue: ShardQueue, status: TaskFilter["status"]): Promise<Task[]> {
    const { commands } = this.#link;
    const ids: { queued: string[]; others: string[] } = { queued: [], others: [] };
    await this.#link.run(async () => {
      const wants = (each: TaskFilter["status"]) => status === undefined || status === each;
      const [wait, prioritized, delayed, active, completed, failed] = await Promise.all([
        wants("queued") ? commands.lrange(queue.keyOf("wait"), 0, -1) : [],
        wants("queued") ? commands.zrange(queue.keyOf("prioritized"), 0, "-1") : [],
        wants("queued") ? commands.zrange(queue.keyOf("delayed"), 0, "-1") : [],
        wants("assigned") ? commands.lrange(queue.keyOf("active"), 0, -1) : [],
        wants("completed") ? commands.zrange(queue.keyOf("completed"), 0, "-1") : [],
        wants("dead_letter") ? commands.zrange(queue.keyOf("failed"), 0, "-1") : [],
      ]);
      ids.queued.push(...wait, ...prioritized, ...delayed);
      ids.others.push(...active, ...completed, ...failed);
    });
    return [...(await this.#readAll(queue, ids.queued, true)), ...(await this.#readAll(queue, ids.others, false))];
  }

  async #readAll(queue: ShardQueue, ids: readonly string[], queued: boolean): Promise<Task[]> {
    const tasks: Task[] = [];
    for (let at = 0; at < ids.length; at += READ_CHUNK) {
      tasks.push(...(await this.#link.run(() => queue.readMany(ids.slice(at, at + READ_CHUNK), queued))));
    }
    return tasks;
  }

  async #countsOf(queue: ShardQueue) {
    const { commands } = this.#link;
    const lane = (priority: number) =>
      commands.zcount(queue.keyOf("prioritized"), (priority + 1) * PRIORITY_LANE, `(${(priority + 2) * PRIORITY_LANE}`);
    const [active, completed, failed, parked, unordered, ...lanes] = await this.#link.run(() =>
      Promise.all([
        commands.llen(queue.keyOf("active")),
        commands.zcard(queue.keyOf("completed")),
        commands.zcard(queue.keyOf("failed")),
        commands.zcard(queue.keyOf("delayed")),
        this.#unorderedOf(queue),
        lane(0),
        lane(1),
        lane(2),
        lane(3),
      ]),
    );
    const byPriority = lanes.map((count, priority) => count + unordered.filter((each) => each === priority).length);
    const queued = byPriority.reduce((sum, count) => sum + count, 0);
    return { active, completed, failed, parked, queued, byPriority };
  }

  /** Priorities of the tasks that wait outside the priority lanes: back from a lost lease, or parked. */
  async #unorderedOf(queue: ShardQueue): Promise<number[]> {
    const { commands } = this.#link;
    const [returned, parked] = await Promise.all([
      commands.lrange(queue.keyOf("wait"), 0, -1),
      commands.zrange(queue.keyOf("delayed"), 0, "-1"),
    ]);
    const priorities = await Promise.all([...returned, ...parked].map((id) => commands.hget(queue.toKey(id), "priority")));
    return priorities.flatMap((priority) => (priority === null ? [] : [Number(priority) - 1]));
  }
}
