/**
 * Renews the leases of this node's tasks while it lives, and returns tasks whose lease ran out, whichever node let it.
 */
import type { Clock } from "@hubscale/hub-runtime";
import type { Assignments } from "./assignments.ts";
import { isEngineRefusal, type QueueDirectory, type TaskQueue } from "./backbone.ts";
import type { HeldTask } from "./held-tasks.ts";

export interface LeaseKeeperOptions {
  queues: QueueDirectory;
  assignments: Assignments;
  clock: Clock;
  leaseMs: number;
  /** Tasks of a dead node are back in the queue. */
  onReturned(queue: TaskQueue, count: number): void;
  onFault(error: unknown): void;
  log(line: string): void;
}

/** A lease is renewed after a third of it: two renewals may fail before it is lost. */
export const renewEveryMs = (leaseMs: number): number => leaseMs / 3;
/** All nodes look for lost leases this often; the engine lets only one of them do it in each interval. */
export const sweepEveryMs = (leaseMs: number): number => leaseMs / 3;

export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #timers: (() => void)[];
  #isRenewing = false;
  #isSweeping = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    const { clock, leaseMs } = options;
    this.#timers = [
      clock.every(renewEveryMs(leaseMs), () => {
        if (!this.#isRenewing) void this.#guarded(() => this.renew());
      }),
      clock.every(sweepEveryMs(leaseMs), () => {
        if (!this.#isSweeping) void this.#guarded(() => this.sweep());
      }),
    ];
  }

  /** Renews every lease, one call for each queue, and writes what was touched. */
  async renew(): Promise<void> {
    this.#isRenewing = true;
    try {
      const byQueue = new Map<TaskQueue, HeldTask[]>();
      for (const held of this.#options.assignments.all()) {
        if (held.settling) continue;
        const ofQueue = byQueue.get(held.queue);
        if (ofQueue) ofQueue.push(held);
        else byQueue.set(held.queue, [held]);
      }
      await Promise.all([...byQueue].map(([queue, held]) => this.#renewAll(queue, held)));
    } finally {
      this.#isRenewing = false;
    }
  }

  /** Returns tasks whose lease ran out to their queues. Their generation is one higher when they are found there. */
  async sweep(): Promise<void> {
    this.#isSweeping = true;
    try {
      const { queues, onReturned, log } = this.#options;
      for (const queue of queues.all()) {
        const returned = await queue.returnLost().catch(noneIfAway);
        if (returned === 0) continue;
        log(`${returned} tasks lost their lease and are queued again`);
        onReturned(queue, returned);
      }
    } finally {
      this.#isSweeping = false;
    }
  }

  close(): void {
    for (const cancel of this.#timers) cancel();
  }

  async #renewAll(queue: TaskQueue, held: readonly HeldTask[]): Promise<void> {
    const { assignments } = this.#options;
    const lost = new Set((await queue.renew(held.map(({ hold }) => hold))).map(({ taskId }) => taskId));
    // Others ended meanwhile.
    const open = held.filter((each) => assignments.get(each.taskId) === each && !each.settling);
    const notes = open.filter((each) => each.isTouched && !lost.has(each.taskId)).map((each) => this.#note(each));
    const gone = open.filter((each) => lost.has(each.taskId));
    await Promise.all([...notes, ...gone.map((each) => this.#recover(each))]);
  }

  async #note(held: HeldTask): Promise<void> {
    held.isTouched = false;
    await held.queue.note(held.hold, held.task);
  }

  /**
   * A lease that has run out while the engine was away is had again if nobody took the task meanwhile; otherwise the agent is
   * told to stop.
   */
  async #recover(held: HeldTask): Promise<void> {
    const { assignments, log } = this.#options;
    const hold = await held.queue.regain(held.hold, held.agentId);
    if (hold) {
      held.hold = hold;
      return;
    }
    if (assignments.get(held.taskId) !== held || held.settling) return;
    log(`task ${held.taskId} of ${held.agentId} is no longer this node's`);
    assignments.lose(held);
  }

  async #guarded(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      // The link has logged why; the next round is soon.
      if (!isEngineRefusal(error)) this.#options.onFault(error);
    }
  }
}

/** A part of the engine that is away keeps its tasks for the next sweep; the others have theirs returned. */
function noneIfAway(error: unknown): number {
  if (isEngineRefusal(error)) return 0;
  throw error;
}
