/** Tells tasks that wait for others when one of those will never complete, because it was cancelled: they become dead letters. */
import { cancelledDependencyOf } from "@hubscale/hub-core";
import type { Task } from "@hubscale/protocol";
import type { TaskCommands } from "../table/task-commands.ts";
import type { RowObserver, TaskTable } from "../table/task-table.ts";

export class Dependents implements RowObserver {
  readonly #table: TaskTable;
  readonly #commands: TaskCommands;
  readonly #onFailure: (error: Error) => void;
  /** Queued tasks, by a task that they depend on. */
  readonly #byDependency = new Map<string, Set<string>>();
  readonly #underWay = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(parts: {
    table: TaskTable;
    commands: TaskCommands;
    live: readonly Task[];
    onFailure(error: Error): void;
  }) {
    this.#table = parts.table;
    this.#commands = parts.commands;
    this.#onFailure = (error) => parts.onFailure(error);
    // The hub may have ended between a cancellation and the telling.
    for (const task of parts.live) if (task.status === "queued") this.#enter(task);
  }

  changed(before: Task | undefined, after: Task | undefined): void {
    if (before?.status === "queued" && after?.status !== "queued") this.#leave(before);
    if (after?.status === "queued" && before?.status !== "queued") this.#enter(after);
    const cancelled = after ? cancelledDependencyOf(after) : before?.id;
    const task = after ?? before;
    if (task && cancelled !== undefined) this.#tell([...(this.#byDependency.get(task.id) ?? [])], cancelled);
  }

  /** Tells no more; resolves when what is under way has ended. What is left untold is found at the next start. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#underWay);
  }

  /** Waits first and looks then, so that a cancellation between the two is not missed. */
  #enter(task: Task): void {
    if (task.depends_on.length === 0) return;
    for (const dependency of task.depends_on) {
      const waiting = this.#byDependency.get(dependency);
      if (waiting) waiting.add(task.id);
      else this.#byDependency.set(dependency, new Set([task.id]));
    }
    this.#background(() => this.#look(task));
  }

  #leave(task: Task): void {
    for (const dependency of task.depends_on) {
      const waiting = this.#byDependency.get(dependency);
      waiting?.delete(task.id);
      if (waiting?.size === 0) this.#byDependency.delete(dependency);
    }
  }

  /** A row that a live task depends on is kept: one that is not there was cancelled. */
  async #look(task: Task): Promise<void> {
    const rows = new Map((await this.#table.getMany(task.depends_on)).map((row) => [row.id, row]));
    for (const dependency of task.depends_on) {
      const row = rows.get(dependency);
      const cancelled = row ? cancelledDependencyOf(row) : dependency;
      if (cancelled !== undefined) return this.#tell([task.id], cancelled);
    }
  }

  /** After this turn, in which the other observers hear of the change. */
  #tell(taskIds: readonly string[], cancelled: string): void {
    for (const taskId of taskIds) {
      this.#background(async () => {
        await Promise.resolve();
        if (!this.#isClosed) await this.#commands.run(taskId, { type: "lose_dependency", cancelled });
      });
    }
  }

  #background(run: () => Promise<void>): void {
    const running = run()
      .catch(this.#onFailure)
      .finally(() => this.#underWay.delete(running));
    this.#underWay.add(running);
  }
}
