/**
 * Syncs that take at least a given time, for the question what the hub would do on a slower disk. It is the only place of the
 * hub where anything waits on purpose, and it is off unless the program was started with `--fsync-floor-ms`.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ChainedBatch, Level } from "level";
import type { Database } from "./data-folder.ts";

export interface Disk {
  /** 0: as fast as the disk is. */
  readonly fsyncFloorMs: number;
  /** Does `work`, which ends with a sync, and resolves no sooner than the floor allows. */
  sync<T>(work: () => Promise<T>): Promise<T>;
}

/** The disk as it is. */
export const DISK_AS_IT_IS: Disk = { fsyncFloorMs: 0, sync: (work) => work() };

/** A whole second: beyond it a hub is not slow but broken. */
export const FSYNC_FLOOR_MS_MAX = 1_000;

export interface Stopwatch {
  nowMs(): number;
  sleep(ms: number): Promise<unknown>;
}

const realStopwatch: Stopwatch = { nowMs: () => performance.now(), sleep: (ms) => sleep(ms) };

/** One sync after the other: a slow disk does not sync twice at once either. */
export class SlowedDisk implements Disk {
  readonly fsyncFloorMs: number;
  readonly #stopwatch: Stopwatch;
  #last: Promise<unknown> = Promise.resolve();

  constructor(fsyncFloorMs: number, stopwatch: Stopwatch = realStopwatch) {
    this.fsyncFloorMs = fsyncFloorMs;
    this.#stopwatch = stopwatch;
  }

  sync<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(() => this.#slowly(work));
    // The caller hears of a failure; the next sync tries for itself.
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #slowly<T>(work: () => Promise<T>): Promise<T> {
    const { nowMs } = this.#stopwatch;
    const untilMs = nowMs() + this.fsyncFloorMs;
    const result = await work();
    // A timer may fire up to a millisecond early.
    for (let leftMs = untilMs - nowMs(); leftMs > 0; leftMs = untilMs - nowMs()) await this.#stopwatch.sleep(Math.ceil(leftMs));
    return result;
  }
}

/** The database with every synced write of it on `disk`; what is not synced goes straight through. */
export function databaseOn(disk: Disk, db: Database): Database {
  if (disk.fsyncFloorMs === 0) return db;
  return new Proxy(db, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      const call = (...args: unknown[]): unknown => Reflect.apply(member, target, args);
      if (!WRITES.has(name)) return call;
      return (...args: unknown[]) => {
        if (name === "batch" && args.length === 0) return chainedOn(disk, target.batch());
        return isSynced(args.at(-1)) ? disk.sync(async () => call(...args)) : call(...args);
      };
    },
  });
}

const WRITES: ReadonlySet<string | symbol> = new Set(["put", "del", "batch"]);

type Chained = ChainedBatch<Level<string, string>, string, string>;

function chainedOn(disk: Disk, batch: Chained): Chained {
  const write = batch.write.bind(batch);
  return Object.assign(batch, {
    write: (options?: { sync?: boolean }) => (isSynced(options) ? disk.sync(() => write({ sync: true })) : write()),
  });
}

function isSynced(options: unknown): boolean {
  return typeof options === "object" && options !== null && (options as { sync?: unknown }).sync === true;
}
