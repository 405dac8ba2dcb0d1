/** The contract's slow clocks: queued tasks that grew too old, held tasks that are overdue or stuck. */
import { transition, wasTakenAsOverdue } from "@hubscale/hub-core";
import { type Cancel, type Clock, Refused, type Roster } from "@hubscale/hub-runtime";
import { TIMERS } from "@hubscale/protocol";
import type { Assignments } from "./assignments.ts";
import { type Backbone, isEngineRefusal, type QueueDirectory, type TaskQueue } from "./backbone.ts";

export interface SweepsOptions {
  queues: QueueDirectory;
  assignments: Assignments;
  roster: Roster;
  clock: Clock;
  claim: Backbone["claim"];
  onFault(error: unknown): void;
}

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
    if (!(await this.#options.claim("ttl-sweep", TIMERS.ttlSweepEveryMs - 1_000))) return;
    // A routing class has one tier.
    for (const queue of this.#options.queues.all()) if (queue.routingClass.tier !== "trivial") await this.#expireIn(queue);
  }

  /** Takes overdue and stuck tasks from this node's agents. */
  async reclaim(): Promise<void> {
    const { assignments, clock, roster } = this.#options;
    const nowMs = clock.nowMs();
    // As they are now: what is put back may be in an agent's hands again before the round is over.
    const round = [...assignments.all()];
    for (const held of round) {
      const { complete_by: completeBy, updated_at: updatedAt } = held.task;
      const isOverdue = completeBy !== null && nowMs > completeBy && !wasTakenAsOverdue(held.task);
      const isStuck = nowMs - updatedAt > TIMERS.stuckWorkingMs;
      if (!isOverdue && !isStuck) continue;
      await assignments.putBack(held, isOverdue ? "overdue" : "stuck").catch(leftAlone);
      roster.release(held.agentId, held.taskId);
    }
  }

  close(): void {
    for (const cancel of this.#timers) cancel();
  }

  async #expireIn(queue: TaskQueue): Promise<void> {
    for (;;) {
      const nowMs = this.#options.clock.nowMs();
      let expired = 0;
      // Since its last change: a dead letter that was queued again would be too old at once.
      for (const stored of await queue.longWaiting(nowMs - TIMERS.queuedTtlMs)) {
        const next = transition(stored.task, { type: "expire" }, nowMs);
        if (!next.ok || !next.task) continue;
        const change = { type: "expire", after: next.task, reason: "ttl_expired" } as const;
        if (await queue.change(stored, change).catch(leftAlone)) expired++;
      }
      if (expired === 0) return;
    }
  }

  #background(run: () => Promise<void>): void {
    run().catch((error: unknown) => {
      // The engine is away: the next round makes up for this one.
      if (!isEngineRefusal(error)) this.#options.onFault(error);
    });
  }
}

/** A task that the engine does not take as it would be must not keep the others from their turn. */
function leftAlone(error: unknown): undefined {
  if (!(error instanceof Refused)) throw error;
}
