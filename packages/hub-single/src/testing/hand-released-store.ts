import type { Database } from "../data-folder.ts";

type Operation = { type: "put"; key: string; value: string } | { type: "del"; key: string };

interface Range {
  gte: string;
  lt: string;
}

/** A database in memory whose writes are done when a test says so: what happens meanwhile is up to the test. */
export class HandReleasedStore {
  readonly #rows = new Map<string, string>();
  #waiting: (() => void)[] = [];

  /** Writes that were asked for and are not done. */
  get pending(): number {
    return this.#waiting.length;
  }

  /** Does the writes that are pending now. */
  release(): void {
    for (const write of this.#waiting.splice(0)) write();
  }

  /** The part of a database that tables and views use. */
  asDatabase(): Database {
    const write = (operations: readonly Operation[]) => this.#write(operations);
    return {
      get: (key: string) => Promise.resolve(this.#rows.get(key)),
      getMany: (keys: readonly string[]) => Promise.resolve(keys.map((key) => this.#rows.get(key))),
      put: (key: string, value: string) => write([{ type: "put", key, value }]),
      del: (key: string) => write([{ type: "del", key }]),
      batch: (operations?: Operation[]) => (operations ? write(operations) : chained(write)),
      keys: ({ limit, ...range }: Range & { limit: number }) => ({
        all: () => Promise.resolve(this.#entriesOf(range, limit).map(([key]) => key)),
      }),
      iterator: (range: Range) => {
        const entries = this.#entriesOf(range);
        return { nextv: (count: number) => Promise.resolve(entries.splice(0, count)), close: () => Promise.resolve() };
      },
    } as unknown as Database;
  }

  #entriesOf({ gte, lt }: Range, limit = Number.POSITIVE_INFINITY): [string, string][] {
    const entries = [...this.#rows].filter(([key]) => key >= gte && key < lt).sort(([a], [b]) => (a < b ? -1 : 1));
    return entries.slice(0, limit);
  }

  #write(operations: readonly Operation[]): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(() => {
        for (const operation of operations) {
          if (operation.type === "put") this.#rows.set(operation.key, operation.value);
          else this.#rows.delete(operation.key);
        }
        resolve();
      });
    });
  }
}

function chained(write: (operations: readonly Operation[]) => Promise<void>) {
  const operations: Operation[] = [];
  return {
    put: (key: string, value: string) => operations.push({ type: "put", key, value }),
    del: (key: string) => operations.push({ type: "del", key }),
    write: () => write(operations),
  };
}
