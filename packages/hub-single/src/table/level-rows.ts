/** Task rows in LevelDB, for a table that commits many at once. */
import type { Task } from "@hubscale/protocol";
import type { RowOperation } from "../backplane/durable-rows.ts";
import type { StoreObserver } from "@hubscale/hub-runtime";
import type { Database } from "../data-folder.ts";
import type { WorkCounters } from "../work-counters.ts";
import { decodeTask, keyOf, scanTasks } from "./task-row.ts";

export interface TaskRows {
  /** The rows of these ids that exist, in the order of the ids. */
  read(taskIds: readonly string[]): Promise<Task[]>;
  /** Every row, in order of the ids. */
  scan(visit: (task: Task) => void): Promise<void>;
  /** All of the rows (null: none any more) and operations, or nothing; survives a loss of power once it resolves. */
  commit(rows: ReadonlyMap<string, Task | null>, others?: readonly RowOperation[]): Promise<void>;
}

export class LevelRows implements TaskRows {
  readonly #db: Database;
  readonly #work: WorkCounters;
  readonly #observe: StoreObserver;

  constructor(db: Database, work: WorkCounters, observe: StoreObserver = () => undefined) {
    this.#db = db;
    this.#work = work;
    this.#observe = observe;
  }

  async read(taskIds: readonly string[]): Promise<Task[]> {
    if (taskIds.length === 0) return [];
    const keys = taskIds.map(keyOf);
    const texts = await this.#db.getMany(keys);
    return texts.flatMap((text, index) => (text === undefined ? [] : [decodeTask(keys[index] as string, text)]));
  }

  scan(visit: (task: Task) => void): Promise<void> {
    return scanTasks(this.#db, (task) => {
      this.#work.rowsRead += 1;
      visit(task);
    });
  }

  /** A chained batch: from three rows on it takes half of the main thread's time that a list of operations takes. */
  async commit(rows: ReadonlyMap<string, Task | null>, others: readonly RowOperation[] = []): Promise<void> {
    const batch = this.#db.batch();
    for (const operation of others) {
      if (operation.type === "put") batch.put(operation.key, operation.value);
      else batch.del(operation.key);
    }
    for (const [taskId, row] of rows) {
      if (row === null) batch.del(keyOf(taskId));
      else {
        batch.put(keyOf(taskId), JSON.stringify(row));
        this.#work.rowsWritten += 1;
      }
    }
    this.#work.fsyncs += 1;
    const beganMs = performance.now();
    await batch.write({ sync: true });
    this.#observe(performance.now() - beganMs);
  }
}
