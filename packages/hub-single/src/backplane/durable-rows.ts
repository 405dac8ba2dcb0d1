/** Rows beside the task table: tokens, endpoints, messages. */
import type { Database } from "../data-folder.ts";

export type RowOperation = { type: "put"; key: string; value: string } | { type: "del"; key: string };

/** Resolves when the operations, all or none of them, survive a loss of power. In the order of the calls. */
export interface DurableRows {
  write(operations: RowOperation[]): Promise<void>;
}

/** One synced batch for each call (C1). */
export class SyncedRows implements DurableRows {
  readonly #db: Database;
  #last: Promise<void> = Promise.resolve();

  constructor(db: Database) {
    this.#db = db;
  }

  write(operations: RowOperation[]): Promise<void> {
    const written = this.#last.then(() => this.#db.batch(operations, { sync: true }));
    // The caller hears of a failure; those behind it try for themselves.
    this.#last = written.catch(() => undefined);
    return written;
  }
}

/** What is called for while a batch is on its way to the disk goes with the next one (C1 mended). */
export class GroupedRows implements DurableRows {
  readonly #db: Database;
  #gathering: RowOperation[] = [];
  #next: Promise<void> | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(db: Database) {
    this.#db = db;
  }

  write(operations: RowOperation[]): Promise<void> {
    this.#gathering.push(...operations);
    this.#next ??= this.#last.then(() => {
      const batch = this.#gathering;
      this.#gathering = [];
      this.#next = undefined;
      const written = this.#db.batch(batch, { sync: true });
      // Its callers hear of a failure; the next batch tries for itself.
      this.#last = written.catch(() => undefined);
      return written;
    });
    return this.#next;
  }
}
