/**
 * The queued tasks in lanes (C4 mended): those that may run now, and apart from them those that wait for others to complete.
 */
import { Lanes } from "@hubscale/hub-core";
import type { Task } from "@hubscale/protocol";
import type { RowObserver } from "../table/task-table.ts";
import type { QueuedIndex } from "./queued-index.ts";

export class ReadyTasks implements QueuedIndex, RowObserver {
  readonly lanes = new Lanes();
  readonly #queued = new Map<string, Task>();
  /** For a task that waits: those that it still waits for. */
  readonly #awaited = new Map<string, Set<string>>();
  readonly #waiters = new Map<string, Set<string>>();
  readonly #completedAmong: (taskIds: readonly string[]) => Promise<string[]>;
  readonly #onReady: () => void;
  readonly #onFailure: (error: Error) => void;

  /** `completedAmong` tells which of these tasks are completed; `onReady` is called when a task that waited may run. */
  constructor(parts: {
    completedAmong(taskIds: readonly string[]): Promise<string[]>;
    onReady(): void;
    onFailure(error: Error): void;
  }) {
    this.#completedAmong = (taskIds) => parts.completedAmong(taskIds);
    this.#onReady = () => parts.onReady();
    this.#onFailure = (error) => parts.onFailure(error);
  }

  get size(): number {
    return this.#queued.size;
  }

  /** The row of a queued task. */
  get(taskId: string): Task | undefined {
    return this.#queued.get(taskId);
  }

  changed(before: Task | undefined, after: Task | undefined): void {
    if (before?.status === "queued" && after?.status !== "queued") this.remove(before.id);
    if (after?.status === "queued") {
      if (before?.status === "queued") this.#queued.set(after.id, after);
      else this.add(after);
    }
    if (after?.status === "completed") this.#completed(after.id);
  }

  add(task: Task): void {
    this.#queued.set(task.id, task);
    if (task.depends_on.length === 0) this.lanes.add(task);
    else this.#await(task);
  }

  remove(taskId: string): void {
    this.#queued.delete(taskId);
    this.lanes.remove(taskId);
    for (const awaited of this.#awaited.get(taskId) ?? []) {
      const waiters = this.#waiters.get(awaited);
      waiters?.delete(taskId);
      if (waiters?.size === 0) this.#waiters.delete(awaited);
    }
    this.#awaited.delete(taskId);
  }

  /** Waits first and asks then, so that a completion between the two is not missed. */
  #await(task: Task): void {
    this.#awaited.set(task.id, new Set(task.depends_on));
    for (const awaited of task.depends_on) {
      const waiters = this.#waiters.get(awaited);
      if (waiters) waiters.add(task.id);
      else this.#waiters.set(awaited, new Set([task.id]));
    }
    this.#completedAmong(task.depends_on)
      .then((taskIds) => {
        for (const taskId of taskIds) this.#completed(taskId);
      })
      .catch(this.#onFailure);
  }

  #completed(taskId: string): void {
    const waiters = this.#waiters.get(taskId);
    if (!waiters) return;
    this.#waiters.delete(taskId);
    for (const waiter of waiters) {
      const awaited = this.#awaited.get(waiter);
      awaited?.delete(taskId);
      if (awaited?.size !== 0) continue;
      this.#awaited.delete(waiter);
      this.lanes.add(this.#queued.get(waiter) as Task);
      this.#onReady();
    }
  }
}
