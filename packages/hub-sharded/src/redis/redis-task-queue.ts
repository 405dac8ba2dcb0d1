/** A queue of the hub as one BullMQ queue: its moves in the words of the port, each within the limits of the node's link. */
import type { RoutingClass } from "@hubscale/hub-core";
import { type Clock, Unavailable } from "@hubscale/hub-runtime";
import type { Task, TaskStatus } from "@hubscale/protocol";
import type { Change, CompletedPast, Ending, Head, Hold, QueueCounts, Stored, Taken, TaskQueue } from "../backbone.ts";
import { FIRST_RANK, rankOf } from "../backlog.ts";
import type { HoldTokens } from "../hold-tokens.ts";
import { readCounts, readTasks, readWaiting } from "./queue-reads.ts";
import { allReplies } from "./redis-errors.ts";
import type { RedisLink } from "./redis-link.ts";
import { type LockedHold, priorityOfScore, type ShardQueue, type StoredJob } from "./shard-queue.ts";

export interface RedisTaskQueueOptions {
  link: RedisLink;
  queue: ShardQueue;
  tokens: HoldTokens;
  clock: Clock;
}

export class RedisTaskQueue implements TaskQueue {
  readonly #link: RedisLink;
  readonly #queue: ShardQueue;
  readonly #tokens: HoldTokens;
  readonly #clock: Clock;
  #awayUntilMs = 0;

  constructor({ link, queue, tokens, clock }: RedisTaskQueueOptions) {
    this.#clock = clock;
    this.#link = link;
    this.#queue = queue;
    this.#tokens = tokens;
  }

  get classNumber(): number {
    return this.#queue.classNumber;
  }

  get shard(): number {
    return this.#queue.shard;
  }

  get className(): string {
    return this.#queue.className;
  }

  get routingClass(): RoutingClass {
    return this.#queue.routingClass;
  }

  /** Before the first task of a queue. */
  prepare(): Promise<void> {
    return this.#link.run(() => this.#queue.prepare());
  }

  get isReachable(): boolean {
    return this.#link.isKeepingUp && this.#clock.monotonicMs() >= this.#awayUntilMs;
  }

  /** The server of one shard of a cluster may be gone while the link is there: it is tried again after a while. */
  async add(task: Task, { parked }: { parked: boolean }): Promise<void> {
    this.#link.mustKeepUp();
    try {
      await this.#add(task, parked);
    } catch (error) {
      if (error instanceof Unavailable) this.#awayUntilMs = this.#clock.monotonicMs() + error.retryAfterMs;
      throw error;
    }
  }

  #add(task: Task, parked: boolean): Promise<void> {
    return this.#link.run(() => this.#queue.add(task, { parked }));
  }

  /** Nothing is written of the assignment: BullMQ records who took the job and when, and the rest follows from that. */
  async take(agentId: string, assign: (task: Task, atMs: number) => Task): Promise<Taken | undefined> {
    const taken = await this.#link.run(() => this.#queue.take(this.#tokens.next(agentId), agentId));
    return taken && { hold: taken, task: assign(taken.task, taken.atMs) };
  }

  end(hold: LockedHold, ending: Ending): Promise<boolean> {
    switch (ending.type) {
      case "complete":
        return this.#link.run(() => this.#queue.complete(hold, ending.completion));
      case "requeue":
        return this.#link.run(() => this.#queue.requeue(hold, ending.after));
      case "bury":
        return this.#link.run(() => this.#queue.bury(hold, ending.after, ending.reason));
    }
  }

  /** With a new token, so that the node which had it can neither complete the task nor put it back. */
  adopt({ task, starts, lockToken }: StoredJob, agentId: string): Promise<Hold | undefined> {
    return this.#takeOver({ taskId: task.id, starts, lockToken }, agentId);
  }

  regain({ taskId, starts }: LockedHold, agentId: string): Promise<Hold | undefined> {
    return this.#takeOver({ taskId, starts, lockToken: null }, agentId);
  }

  async renew(holds: readonly LockedHold[]): Promise<Hold[]> {
    const lost = new Set(await this.#link.run(() => this.#queue.renew(holds)));
    return lost.size === 0 ? [] : holds.filter(({ taskId }) => lost.has(taskId));
  }

  note(hold: LockedHold, task: Task): Promise<void> {
    const touch = { starts: hold.starts, atMs: task.updated_at, decision: task.routing_decision };
    return this.#link.run(() => this.#queue.note(hold, touch));
  }

  async returnLost(): Promise<number> {
    return (await this.#link.run(() => this.#queue.moveStalledJobsToWait())).length;
  }

  read(taskId: string): Promise<Stored | undefined> {
    return this.#link.run(() => this.#queue.read(taskId));
  }

  change(stored: StoredJob, change: Change): Promise<boolean> {
    const { id } = stored.task;
    switch (change.type) {
      case "unpark":
        return this.#link.run(() => this.#queue.unpark(id));
      case "expire":
        return this.#link.run(() => this.#queue.expire(stored, change.after, change.reason));
      case "exhume":
        return this.#link.run(() => this.#queue.exhume(id, { atMs: change.after.updated_at, parked: change.parked }));
      case "discard":
        return this.#link.run(() => this.#queue.discard(id, stored));
    }
  }

  list(status: TaskStatus | undefined): Promise<Task[]> {
    return readTasks(this.#link, this.#queue, status);
  }

  counts(): Promise<QueueCounts> {
    return readCounts(this.#link, this.#queue);
  }

  longWaiting(beforeMs: number): Promise<Stored[]> {
    return readWaiting(this.#link, this.#queue, beforeMs);
  }

  completedCount(): Promise<number> {
    return this.#link.run(() => this.#link.commands.zcard(this.#queue.keyOf("completed")));
  }

  /** When the oldest were completed, oldest first; at most `count`. */
  async oldestCompletedMs(count: number): Promise<number[]> {
    const key = this.#queue.keyOf("completed");
    const pairs = await this.#link.run(() => this.#link.commands.zrange(key, 0, String(count - 1), "WITHSCORES"));
    return pairs.filter((_, index) => index % 2 === 1).map(Number);
  }

  async dropCompleted(count: number): Promise<void> {
    if (count > 0) await this.#link.run(() => this.#queue.dropCompleted(count));
  }

  async addCompleted(past: readonly CompletedPast[]): Promise<void> {
    const pipeline = this.#link.commands.pipeline();
    for (const each of past) this.#queue.addCompleted(pipeline, each);
    await this.#link.run(() => allReplies(pipeline));
    await this.#link.run(() => this.#queue.trimCompleted());
  }

  async #takeOver(
    { taskId, starts, lockToken }: { taskId: string; starts: number; lockToken: string | null },
    agentId: string,
  ): Promise<LockedHold | undefined> {
    const token = this.#tokens.next(agentId);
    const isTaken = await this.#link.run(() => this.#queue.adopt(taskId, starts, lockToken, token));
    return isTaken ? { taskId, token, starts } : undefined;
  }

  /** Of one link, and of one shard if it is a cluster: what one pipeline may ask for. */
  get server(): { link: RedisLink; slot: number } {
    return { link: this.#link, slot: this.#link.isCluster ? this.shard : 0 };
  }

  /** Queues of one server, counted by one pipeline. */
  static async heads(link: RedisLink, queues: readonly RedisTaskQueue[]): Promise<Head[]> {
    const pipeline = link.commands.pipeline();
    for (const each of queues) {
      const queue = each.#queue;
      pipeline.llen(queue.keyOf("wait"));
      pipeline.zcard(queue.keyOf("prioritized"));
      pipeline.zrange(queue.keyOf("prioritized"), 0, "0", "WITHSCORES");
    }
    const replies = await link.run(() => allReplies(pipeline));
    return queues.map((_, index) => {
      const [returned, waiting, head] = replies.slice(index * 3, index * 3 + 3);
      const first = (head as string[] | undefined)?.[1];
      // What came back from a lost lease is served first, whatever its priority.
      const isOrdered = Number(returned) === 0 && first !== undefined;
      const firstRank = isOrdered ? rankOf({ priority: priorityOfScore(Number(first)), created_at: 0 }) : FIRST_RANK;
      return { count: Number(returned) + Number(waiting), firstRank };
    });
  }
}
