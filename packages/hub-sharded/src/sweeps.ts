/** The contract's slow clocks: queued tasks that grew too old, held tasks that are overdue or stuck. */
import { scheduledTier, transition } from "@hubscale/hub-core";
import { type Cancel, type Clock, type Roster, Unavailable } from "@hubscale/hub-runtime";
import { TIMERS } from "@hubscale/protocol";
import type { Assignments } from "./assignments.ts";
import type { QueueMap } from "./queue-map.ts";
import { PRIORITY_LANE } from "./queue-scripts.ts";
import type { RedisLink } from "./redis-link.ts";
import type { ShardQueue } from "./shard-queue.ts";

export interface SweepsOptions {
  link: RedisLink;
  queues: QueueMap;
  assignments: Assignments;
  roster: Roster;
  clock: Clock;
  namespace: string;
  onFault(error: unknown): void;
}

/** Looked at together; the oldest come first, so a chunk without an old task is the last. */
const CHUNK = 100;

export class Sweeps {
  readonly #options: SweepsOptions;
  readonly #timers: Cancel[];

  constructor(options: SweepsOptions) {
    this.#options = options;
    this.#timers = [
      options.clock.every(TIMERS.ttlSweepEveryMs, () => this.#background(() => this.expire())),
      options.clock.every(TIMERS.overdueSweepEveryMs, () => this.#background(() => this.reclaim())),
    ];
  }

  /** Dead-letters queued tasks past their time to live, trivial ones excepted. One node does so in each interval. */
  async expire(): Promise<void> {
    const { link, namespace, queues } = this.#options;
    const mine = link.run(() => link.commands.set(`${namespace}:ttl-sweep`, "1", "PX", TIMERS.ttlSweepEveryMs - 1_000, "NX"));
    if ((await mine) !== "OK") return;
    for (const queue of queues.all()) {
      if (queue.routingClass.tier === "trivial") continue;
      for (let priority = 0; priority < 4; priority++) await this.#expireLane(queue, priority);
    }
  }

  /** Takes overdue and stuck tasks from this node's agents. */
  async reclaim(): Promise<void> {
    const { assignments, clock, roster } = this.#options;
    const nowMs = clock.nowMs();
    for (const held of assignments.all()) {
      const { complete_by: completeBy, updated_at: updatedAt } = held.task;
      const isOverdue = completeBy !== null && nowMs > completeBy;
      const isStuck = nowMs - updatedAt > TIMERS.stuckWorkingMs;
      if (!isOverdue && !isStuck) continue;
      // A task that is overdue once stays so: it is given to another agent only after it was taken from this one for it.
      if (isOverdue && held.task.history.some(({ event }) => event === "overdue")) continue;
      await assignments.putBack(held, isOverdue ? "overdue" : "stuck");
      roster.release(held.agentId, held.taskId);
    }
  }

  close(): void {
    for (const cancel of this.#timers) cancel();
  }

  async #expireLane(queue: ShardQueue, priority: number): Promise<void> {
    const { clock, link } = this.#options;
    const [from, to] = [(priority + 1) * PRIORITY_LANE, `(${(priority + 2) * PRIORITY_LANE}`] as const;
    for (;;) {
      const nowMs = clock.nowMs();
      const ids = await link.run(() => link.commands.zrangebyscore(queue.keyOf("prioritized"), from, to, "LIMIT", 0, CHUNK));
      let expired = 0;
      for (const id of ids) {
        const stored = await link.run(() => queue.read(id));
        // Since its last change: a dead letter that was queued again would be too old at once.
        if (!stored || nowMs - stored.task.updated_at < TIMERS.queuedTtlMs) continue;
        if (scheduledTier(stored.task) === "trivial") continue;
        const next = transition(stored.task, { type: "expire" }, nowMs);
        const { task } = next.ok ? next : { task: undefined };
        if (task && (await link.run(() => queue.expire(stored, task, nowMs)))) expired++;
      }
      if (expired === 0) return;
    }
  }

  #background(run: () => Promise<void>): void {
    run().catch((error: unknown) => {
      // Redis is away: the next round makes up for this one.
      if (!(error instanceof Unavailable)) this.#options.onFault(error);
    });
  }
}
