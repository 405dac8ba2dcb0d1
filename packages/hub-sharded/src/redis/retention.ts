/**
 * Keeps the newest completed tasks of the whole hub, as the single hub does. Each queue by itself holds no more than its shard's part;
 * with many routing classes that would still be many, so the oldest of all queues together go once a minute.
 */
import type { RedisTaskQueue } from "./redis-task-queue.ts";

export interface RetentionOptions {
  queues(): Iterable<RedisTaskQueue>;
  /** Completed tasks that the hub keeps. */
  keepCompleted: number;
}

export const RETENTION_EVERY_MS = 60_000;
/** Dropped in one go, over all queues: some tenths of a second of Redis at most. */
const DROPPED_AT_ONCE = 2_000;

/** Drops what is too much. One node is enough to do it. */
export async function dropOldCompleted({ queues, keepCompleted }: RetentionOptions): Promise<void> {
  for (;;) {
    const all = [...queues()];
    const counts = await Promise.all(all.map((queue) => queue.completedCount()));
    const surplus = counts.reduce((sum, count) => sum + count, 0) - keepCompleted;
    if (surplus <= 0) return;
    const batch = Math.min(surplus, DROPPED_AT_ONCE);
    // The oldest of all are among the oldest of each.
    const timesMs = await Promise.all(all.map((queue) => queue.oldestCompletedMs(batch)));
    const drops = oldestOf(timesMs, batch);
    await Promise.all(all.map((queue, index) => queue.dropCompleted(drops[index] as number)));
  }
}

/** How many of the `count` oldest are in each list. */
export function oldestOf(timesMs: readonly (readonly number[])[], count: number): number[] {
  const drops = timesMs.map(() => 0);
  const all = timesMs.flatMap((ofList, list) => ofList.map((atMs) => ({ atMs, list })));
  for (const { list } of all.sort((a, b) => a.atMs - b.atMs).slice(0, count)) drops[list] = (drops[list] as number) + 1;
  return drops;
}
