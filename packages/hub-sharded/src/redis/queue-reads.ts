/** Lists and counts of one queue. Its collections are read one after the other, so a task that moves meanwhile may show twice or not. */
import type { Task, TaskStatus } from "@hubscale/protocol";
import type { QueueCounts } from "../backbone.ts";
import { PRIORITY_LANE } from "./queue-scripts.ts";
import type { RedisLink } from "./redis-link.ts";
import type { ShardQueue, StoredJob } from "./shard-queue.ts";

/** Tasks read by one pipeline: about a megabyte of rows. */
const READ_CHUNK = 500;
/** Waiting tasks looked at together; the oldest come first, so a chunk without an old one is the last. */
const WAITING_CHUNK = 100;
const PRIORITIES = [0, 1, 2, 3] as const;

export async function readTasks(link: RedisLink, queue: ShardQueue, status: TaskStatus | undefined): Promise<Task[]> {
  const { commands } = link;
  const wants = (each: TaskStatus) => status === undefined || status === each;
  const [wait, prioritized, delayed, active, completed, failed] = await link.run(() =>
    Promise.all([
      wants("queued") ? commands.lrange(queue.keyOf("wait"), 0, -1) : [],
      wants("queued") ? commands.zrange(queue.keyOf("prioritized"), 0, "-1") : [],
      wants("queued") ? commands.zrange(queue.keyOf("delayed"), 0, "-1") : [],
      wants("assigned") ? commands.lrange(queue.keyOf("active"), 0, -1) : [],
      wants("completed") ? commands.zrange(queue.keyOf("completed"), 0, "-1") : [],
      wants("dead_letter") ? commands.zrange(queue.keyOf("failed"), 0, "-1") : [],
    ]),
  );
  const queued = await readAll(link, queue, [...wait, ...prioritized, ...delayed], true);
  return [...queued, ...(await readAll(link, queue, [...active, ...completed, ...failed], false))];
}

export async function readCounts(link: RedisLink, queue: ShardQueue): Promise<QueueCounts> {
  const { commands } = link;
  const [assigned, completed, deadLetter, parked, unordered, ...lanes] = await link.run(() =>
    Promise.all([
      commands.llen(queue.keyOf("active")),
      commands.zcard(queue.keyOf("completed")),
      commands.zcard(queue.keyOf("failed")),
      commands.zcard(queue.keyOf("delayed")),
      prioritiesOutsideLanes(link, queue),
      ...PRIORITIES.map((priority) => commands.zcount(queue.keyOf("prioritized"), ...laneOf(priority))),
    ]),
  );
  const queued = lanes.map((count, priority) => count + unordered.filter((each) => each === priority).length);
  return { queued, parked, assigned, completed, deadLetter };
}

/** In the order of priority, then age; the first lane that has an old task. */
export async function readWaiting(link: RedisLink, queue: ShardQueue, beforeMs: number): Promise<StoredJob[]> {
  for (const priority of PRIORITIES) {
    const lane = queue.keyOf("prioritized");
    const [from, to] = laneOf(priority);
    const ids = await link.run(() => link.commands.zrangebyscore(lane, from, to, "LIMIT", 0, WAITING_CHUNK));
    const old: StoredJob[] = [];
    for (const id of ids) {
      const stored = await link.run(() => queue.read(id));
      if (stored && stored.task.updated_at <= beforeMs) old.push(stored);
    }
    if (old.length > 0) return old;
  }
  return [];
}

const laneOf = (priority: number) => [(priority + 1) * PRIORITY_LANE, `(${(priority + 2) * PRIORITY_LANE}`] as const;

async function readAll(link: RedisLink, queue: ShardQueue, ids: readonly string[], queued: boolean): Promise<Task[]> {
  const tasks: Task[] = [];
  for (let at = 0; at < ids.length; at += READ_CHUNK) {
    tasks.push(...(await link.run(() => queue.readMany(ids.slice(at, at + READ_CHUNK), queued))));
  }
  return tasks;
}

/** Priorities of the tasks that wait outside the priority lanes: back from a lost lease, or parked. */
async function prioritiesOutsideLanes({ commands }: RedisLink, queue: ShardQueue): Promise<number[]> {
  const [returned, parked] = await Promise.all([
    commands.lrange(queue.keyOf("wait"), 0, -1),
    commands.zrange(queue.keyOf("delayed"), 0, "-1"),
  ]);
  const priorities = await Promise.all([...returned, ...parked].map((id) => commands.hget(queue.toKey(id), "priority")));
  return priorities.flatMap((priority) => (priority === null ? [] : [Number(priority) - 1]));
}
