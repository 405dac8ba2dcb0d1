/**
 * The task table as the reference hub has it (C1): one process, one operation at a time, reads and folds included. Each change
 * reads the row, writes it whole, and waits for the disk twice: syncing a DETS file is two fsyncs, its data and then its
 * header, and the second synced write of a small row stands for the latter.
 */
import type { StoreObserver } from "@hubscale/hub-runtime";
import type { Task } from "@hubscale/protocol";
import type { RowOperation } from "../backplane/durable-rows.ts";
import { type Database, KEYS } from "../data-folder.ts";
import { decodeTask, keyOf, scanTasks } from "./task-row.ts";
import { noWork, type WorkCounters } from "../work-counters.ts";
import type { Decision, RowObserver, TaskTable } from "./task-table.ts";

export class SerialSyncTable implements TaskTable {
  readonly #db: Database;
  readonly #observers: readonly RowObserver[];
  readonly #work: WorkCounters;
  #changes = 0;
  #backlog = 0;
  #last: Promise<unknown> = Promise.resolve();

  readonly #onFailure: (error: Error) => void;

  readonly #observe: StoreObserver;

  constructor(parts: {
    db: Database;
    observers: readonly RowObserver[];
    work?: WorkCounters;
    observeStore?: StoreObserver | undefined;
    onFailure(error: Error): void;
  }) {
    this.#db = parts.db;
    this.#observe = parts.observeStore ?? (() => undefined);
    this.#observers = parts.observers;
    this.#work = parts.work ?? noWork();
    this.#onFailure = (error) => parts.onFailure(error);
  }

  get backlog(): number {
    return this.#backlog;
  }

  insert(task: Task, others: readonly RowOperation[] = []): Promise<void> {
    return this.#inTurn(async () => {
      await this.#write(task.id, task, others);
      for (const observer of this.#observers) observer.changed(undefined, task);
    });
  }

  mutate<A>(taskId: string, decide: (row: Task | undefined) => Decision<A>): Promise<A> {
    return this.#inTurn(async () => {
      const before = await this.#read(taskId);
      const { answer, row } = decide(before);
      if (row === undefined) return answer;
      await this.#write(taskId, row);
      for (const observer of this.#observers) observer.changed(before, row ?? undefined);
      return answer;
    });
  }

  getMany(taskIds: readonly string[]): Promise<Task[]> {
    return this.#inTurn(async () => {
      const rows = await Promise.all(taskIds.map((taskId) => this.#read(taskId)));
      return rows.filter((row) => row !== undefined);
    });
  }

  fold(visit: (task: Task) => void): Promise<void> {
    return this.#inTurn(() =>
      scanTasks(this.#db, (task) => {
        this.#work.rowsRead += 1;
        visit(task);
      }),
    );
  }

  forget(taskIds: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      await this.#db.batch(taskIds.map((taskId) => ({ type: "del", key: keyOf(taskId) })));
      for (const taskId of taskIds) for (const observer of this.#observers) observer.forgotten?.(taskId);
    });
  }

  settled(): Promise<void> {
    return this.#inTurn(() => Promise.resolve());
  }

  #inTurn<A>(work: () => Promise<A>): Promise<A> {
    this.#backlog += 1;
    const done = this.#last.then(work).finally(() => {
      this.#backlog -= 1;
    });
    this.#last = done.catch((error: Error) => this.#onFailure(error));
    return done;
  }

  async #read(taskId: string): Promise<Task | undefined> {
    const key = keyOf(taskId);
    const text = await this.#db.get(key);
    return text === undefined ? undefined : decodeTask(key, text);
  }

  async #write(taskId: string, row: Task | null, others: readonly RowOperation[] = []): Promise<void> {
    const key = keyOf(taskId);
    const beganMs = performance.now();
    if (row === null) await this.#db.del(key, { sync: true });
    else if (others.length === 0) await this.#db.put(key, JSON.stringify(row), { sync: true });
    else await this.#db.batch([{ type: "put", key, value: JSON.stringify(row) }, ...others], { sync: true });
    this.#changes += 1;
    this.#work.fsyncs += 2;
    if (row !== null) this.#work.rowsWritten += 1;
    await this.#db.put(KEYS.tableHeader, JSON.stringify({ changes: this.#changes }), { sync: true });
    this.#observe(performance.now() - beganMs);
  }
}
