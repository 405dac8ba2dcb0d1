/**
 * Tasks that wait for others to complete. Such a task lies in its queue, parked, and a set names what it still waits for. The
 * node that completes a task strikes it from the sets of those that wait for it, which it knows from the nodes' signals; what a
 * lost signal missed is found by a slow sweep. A task that is cancelled makes dead letters of those that wait for it.
 */
import { cancelledDependencyOf, isTooOld, type TaskCommand, transition } from "@hubscale/hub-core";
import type { Cancel, Clock } from "@hubscale/hub-runtime";
import type { Task } from "@hubscale/protocol";
import {
  type Backbone,
  isEngineRefusal,
  type ParkedTasks,
  type QueueDirectory,
  type Stored,
  type TaskQueue,
} from "./backbone.ts";
import type { NodeChannel } from "./node-channel.ts";

export interface DependenciesOptions {
  queues: QueueDirectory;
  parked: ParkedTasks;
  channel: NodeChannel;
  clock: Clock;
  claim: Backbone["claim"];
  onUnparked(queue: TaskQueue, task: Task): void;
  onFault(error: unknown): void;
}

const SWEEP_EVERY_MS = 5_000;
/** An entry without a task is of a submission that broke off; younger ones may be of one that goes on. */
const ORPHAN_AFTER_MS = 60_000;

export class Dependencies {
  readonly #options: DependenciesOptions;
  /** By the task that is waited for. Rebuilt by each sweep. */
  #waiting = new Map<string, Set<string>>();
  readonly #cancelSweep: Cancel;

  constructor(options: DependenciesOptions) {
    this.#options = options;
    this.#cancelSweep = options.clock.every(SWEEP_EVERY_MS, () => this.#background(() => this.sweep()));
  }

  /** Which of these tasks do not exist, and which are not completed. */
  async look(taskIds: readonly string[]): Promise<{ unknown: string[]; pending: string[] }> {
    // All at once, which a link sends as one batch.
    const tasks = await Promise.all(taskIds.map((taskId) => this.#taskOf(taskId)));
    return {
      unknown: taskIds.filter((_, index) => tasks[index] === undefined),
      pending: taskIds.filter((_, index) => tasks[index] !== undefined && tasks[index].status !== "completed"),
    };
  }

  /** Notes what a new task waits for. Before the task is added, so that none is ever parked without being known. */
  register(taskId: string, pending: readonly string[]): Promise<void> {
    return this.#options.parked.register(taskId, pending, this.#options.clock.nowMs());
  }

  /** The parked task is in its queue: from now on it is told of completions, and of those that it missed. */
  async watch(taskId: string, pending: readonly string[]): Promise<void> {
    for (const awaited of pending) {
      this.heard(awaited, taskId);
      this.#options.channel.send({ type: "awaited", taskId: awaited, by: taskId });
    }
    await this.#settle(taskId, pending);
  }

  /** Whether a dead letter waited for others that are not completed. */
  async isPending(taskId: string): Promise<boolean> {
    return (await this.#options.parked.strike(taskId, [])) > 0;
  }

  /** A node has parked a task that waits for another. */
  heard(awaited: string, by: string): void {
    const waiters = this.#waiting.get(awaited);
    if (waiters) waiters.add(by);
    else this.#waiting.set(awaited, new Set([by]));
  }

  /** A task was completed on this node. */
  completed(taskId: string): void {
    const waiters = this.#waiting.get(taskId);
    if (!waiters) return;
    this.#waiting.delete(taskId);
    for (const waiter of waiters) this.#background(() => this.#strike(waiter, [taskId]));
  }

  /** A task was cancelled on this node, or is a dead letter since `root` was: what waits for it becomes a dead letter. */
  cancelled(taskId: string, root = taskId): void {
    const waiters = this.#waiting.get(taskId);
    if (!waiters) return;
    this.#waiting.delete(taskId);
    for (const waiter of waiters) this.#background(() => this.#lose(waiter, root));
  }

  /** Finds completions and cancellations that no signal told of, and those that have waited too long. One node does so in each interval; all learn who waits for whom. */
  async sweep(): Promise<void> {
    const { clock, parked, queues } = this.#options;
    const waiting = new Map<string, Set<string>>();
    const all = await parked.list();
    const isMine = all.length > 0 && (await this.#options.claim("parked-sweep", SWEEP_EVERY_MS - 500));
    for (const { pending, sinceMs, taskId } of all) {
      for (const awaited of pending) waiting.set(awaited, (waiting.get(awaited) ?? new Set()).add(taskId));
      if (!isMine) continue;
      const queue = await queues.queueOf(taskId);
      const stored = await queue?.read(taskId);
      const isOld = clock.nowMs() - sinceMs > ORPHAN_AFTER_MS;
      if (queue && stored?.parked) await this.#look(queue, stored, pending);
      // A dead letter that is retried waits for what is left.
      else if (stored?.task.status === "dead_letter" && pending.length > 0) continue;
      else if (stored || isOld) await parked.forget(taskId);
    }
    this.#waiting = waiting;
  }

  close(): void {
    this.#cancelSweep();
  }

  async #taskOf(taskId: string): Promise<Task | undefined> {
    const queue = await this.#options.queues.queueOf(taskId);
    return (await queue?.read(taskId))?.task;
  }

  async #look(queue: TaskQueue, stored: Stored, pending: readonly string[]): Promise<void> {
    const nowMs = this.#options.clock.nowMs();
    if (isTooOld(stored.task, nowMs)) await this.#bury(queue, stored, { type: "expire" });
    else await this.#settle(stored.task.id, pending);
  }

  /** Makes good what a parked task was not told: the cancellation of a task that it waits for, or completions. */
  async #settle(taskId: string, pending: readonly string[]): Promise<void> {
    const cancelled = await this.#strikeCompleted(taskId, pending);
    if (cancelled !== undefined) await this.#lose(taskId, cancelled);
  }

  /** The cancelled task, if one of these will never complete: a task that is waited for and is not there was cancelled. */
  async #strikeCompleted(taskId: string, pending: readonly string[]): Promise<string | undefined> {
    const tasks = await Promise.all(pending.map((awaited) => this.#taskOf(awaited)));
    await this.#strike(
      taskId,
      pending.filter((_, index) => tasks[index]?.status === "completed"),
    );
    return pending
      .map((awaited, index) => (tasks[index] ? cancelledDependencyOf(tasks[index]) : awaited))
      .find((cancelled) => cancelled !== undefined);
  }

  /** What waits for this task in turn is told next; if this node dies before that, by the sweep, which finds the reason in the task. */
  async #lose(taskId: string, cancelled: string): Promise<void> {
    const { parked, queues } = this.#options;
    const queue = await queues.queueOf(taskId);
    const stored = await queue?.read(taskId);
    if (!queue || !stored?.parked || !(await this.#bury(queue, stored, { type: "lose_dependency", cancelled }))) return;
    this.cancelled(taskId, cancelled);
    await parked.forget(taskId);
  }

  /** False: it moved since it was read. */
  async #bury(queue: TaskQueue, stored: Stored, command: TaskCommand): Promise<boolean> {
    const next = transition(stored.task, command, this.#options.clock.nowMs());
    if (!next.ok || !next.task || next.event.type !== "dead_lettered") return false;
    return queue.change(stored, { type: "expire", after: next.task, reason: next.event.because });
  }

  /** Takes completed tasks off what a parked one waits for; the last one releases it. */
  async #strike(taskId: string, completed: readonly string[]): Promise<void> {
    const { onUnparked, parked, queues } = this.#options;
    if ((await parked.strike(taskId, completed)) > 0) return;
    const queue = await queues.queueOf(taskId);
    const stored = await queue?.read(taskId);
    if (!queue || !stored?.parked) return;
    const isUnparked = await queue.change(stored, { type: "unpark" });
    await parked.forget(taskId);
    if (isUnparked) onUnparked(queue, stored.task);
  }

  #background(run: () => Promise<void>): void {
    run().catch((error: unknown) => {
      // The next sweep finds what this one could not.
      if (!isEngineRefusal(error)) this.#options.onFault(error);
    });
  }
}
