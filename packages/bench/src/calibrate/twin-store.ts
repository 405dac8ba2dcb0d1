/** The task table of the hub's reference profile, as the hub itself opens it: LevelDB, one operation at a time, two syncs a change. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type DataFolder, openDataFolder, SerialSyncTable } from "@hubscale/hub-single";
import type { Task } from "@hubscale/protocol";
import { sampleId, taskSample } from "./task-sample.ts";
import { type Operation, ROW_BYTES, type TimedStore } from "./timed-store.ts";

const FILL_AT_ONCE = 500;

export class TwinStore implements TimedStore {
  readonly rowBytes = ROW_BYTES;
  readonly #folder: DataFolder;
  readonly #table: SerialSyncTable;
  readonly #random: () => number;
  #rows = 0;
  #failure: Error | undefined;

  static async open(path: string, random: () => number): Promise<TwinStore> {
    return new TwinStore(await openDataFolder(path), random);
  }

  private constructor(folder: DataFolder, random: () => number) {
    this.#folder = folder;
    this.#random = random;
    this.#table = new SerialSyncTable({
      db: folder.db,
      observers: [],
      onFailure: (error) => {
        this.#failure = error;
      },
    });
  }

  get rows(): number {
    return this.#rows;
  }

  async fill(rows: number): Promise<void> {
    while (this.#rows < rows) {
      const tasks = this.#next(Math.min(FILL_AT_ONCE, rows - this.#rows));
      this.#rows += tasks.length;
      await this.#put(tasks, this.#rows === rows);
    }
  }

  async time(operation: Operation, count: number): Promise<number> {
    switch (operation) {
      case "insertSync":
        return this.#insert(count, (task) => this.#table.insert(task));
      case "insert":
        // The table syncs always; the same row without it, on the same database.
        return this.#insert(count, (task) => this.#folder.db.put(`task/${task.id}`, JSON.stringify(task)));
      case "lookup": {
        const ids = Array.from({ length: count }, () => sampleId(1 + Math.floor(this.#random() * this.#rows)));
        return timed(ids, async (id) => {
          const [found] = await this.#table.getMany([id]);
          if (found === undefined) throw new Error(`the row ${id} is gone`);
        });
      }
      case "fold": {
        let completed = 0;
        const ms = await timed(Array.from({ length: count }), () =>
          this.#table.fold((task) => {
            if (task.status === "completed") completed++;
          }),
        );
        if (completed !== count * this.#rows) throw new Error(`folds saw ${completed} rows, not ${count} × ${this.#rows}`);
        return ms;
      }
    }
  }

  async fileBytes(): Promise<number> {
    const names = await readdir(this.#folder.path, { recursive: true });
    const sizes = await Promise.all(names.map(async (name) => stat(join(this.#folder.path, name))));
    return sizes.reduce((sum, found) => sum + (found.isFile() ? found.size : 0), 0);
  }

  async close(): Promise<void> {
    await this.#folder.db.close();
    if (this.#failure) throw this.#failure;
  }

  #next(count: number): Task[] {
    return Array.from({ length: count }, (_, i) => taskSample(this.#rows + 1 + i, ROW_BYTES));
  }

  async #insert(count: number, insert: (task: Task) => Promise<void>): Promise<number> {
    const tasks = this.#next(count);
    const ms = await timed(tasks, insert);
    await this.#table.forget(tasks.map((task) => task.id));
    return ms;
  }

  #put(tasks: readonly Task[], sync: boolean): Promise<void> {
    const operations = tasks.map((task) => ({ type: "put" as const, key: `task/${task.id}`, value: JSON.stringify(task) }));
    return this.#folder.db.batch(operations, { sync });
  }
}

async function timed<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<number> {
  const startMs = performance.now();
  for (const item of items) await work(item);
  return performance.now() - startMs;
}
