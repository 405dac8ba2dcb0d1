/**
 * Tasks that wait for others to complete. Such a task lies in its queue, parked, and a set names what it still waits for. The
 * node that completes a task strikes it from the sets of those that wait for it, which it knows from the nodes' signals; what a
 * lost signal missed is found by a slow sweep.
 */
import type { Cancel, Clock } from "@hubscale/hub-runtime";
import type { Task } from "@hubscale/protocol";
import { type Backbone, isEngineRefusal, type ParkedTasks, type QueueDirectory, type TaskQueue } from "./backbone.ts";
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
    const unknown: string[] = [];
    const pending: string[] = [];
    for (const taskId of taskIds) {
      const status = await this.#statusOf(taskId);
      if (status === undefined) unknown.push(taskId);
      else if (status !== "completed") pending.push(taskId);
    }
    return { unknown, pending };
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
    await this.#strikeCompleted(taskId, pending);
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

  /** Finds completions that no signal told of. One node does so in each interval; all learn who waits for whom. */
  async sweep(): Promise<void> {
    const { clock, parked, queues } = this.#options;
    const waiting = new Map<string, Set<string>>();
    const all = await parked.list();
    const isMine = all.length > 0 && (await this.#options.claim("parked-sweep", SWEEP_EVERY_MS - 500));
    for (const { pending, sinceMs, taskId } of all) {
      for (const awaited of pending) waiting.set(awaited, (waiting.get(awaited) ?? new Set()).add(taskId));
      if (!isMine) continue;
      const stored = await (await queues.queueOf(taskId))?.read(taskId);
      const isOld = clock.nowMs() - sinceMs > ORPHAN_AFTER_MS;
      if (stored?.parked) await this.#strikeCompleted(taskId, pending);
      else if (stored || isOld) await parked.forget(taskId);
    }
    this.#waiting = waiting;
  }

  close(): void {
    this.#cancelSweep();
  }

  async #statusOf(taskId: string): Promise<Task["status"] | undefined> {
    const queue = await this.#options.queues.queueOf(taskId);
    return (await queue?.read(taskId))?.task.status;
  }

  async #strikeCompleted(taskId: string, pending: readonly string[]): Promise<void> {
    const completed: string[] = [];
    for (const awaited of pending) if ((await this.#statusOf(awaited)) === "completed") completed.push(awaited);
    await this.#strike(taskId, completed);
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
