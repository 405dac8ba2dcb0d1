/** Parked tasks: a set of what each waits for, and a sorted set of all of them by the time at which they were parked. */
import type { ParkedTasks } from "../backbone.ts";
import { allReplies } from "./redis-errors.ts";
import type { RedisLink } from "./redis-link.ts";

export class RedisParkedTasks implements ParkedTasks {
  readonly #link: RedisLink;
  readonly #index: string;

  constructor(link: RedisLink, namespace: string) {
    this.#link = link;
    this.#index = `${namespace}:parked`;
  }

  async register(taskId: string, pending: readonly string[], atMs: number): Promise<void> {
    const noted = this.#link.commands.multi().sadd(this.#pendingKey(taskId), ...pending);
    noted.zadd(this.#index, atMs, taskId);
    await this.#link.run(() => allReplies(noted));
  }

  async strike(taskId: string, completed: readonly string[]): Promise<number> {
    const { commands } = this.#link;
    const key = this.#pendingKey(taskId);
    if (completed.length > 0) await this.#link.run(() => commands.srem(key, ...completed));
    return this.#link.run(() => commands.scard(key));
  }

  async forget(taskId: string): Promise<void> {
    const forgotten = this.#link.commands.multi().zrem(this.#index, taskId).del(this.#pendingKey(taskId));
    await this.#link.run(() => allReplies(forgotten));
  }

  async list(): Promise<{ taskId: string; pending: string[]; sinceMs: number }[]> {
    const { commands } = this.#link;
    const parked = await this.#link.run(() => commands.zrange(this.#index, 0, "-1", "WITHSCORES"));
    const tasks: { taskId: string; pending: string[]; sinceMs: number }[] = [];
    for (let at = 0; at < parked.length; at += 2) {
      const taskId = parked[at] as string;
      const pending = await this.#link.run(() => commands.smembers(this.#pendingKey(taskId)));
      tasks.push({ taskId, pending, sinceMs: Number(parked[at + 1]) });
    }
    return tasks;
  }

  #pendingKey(taskId: string): string {
    return `${this.#index}:${taskId}`;
  }
}
