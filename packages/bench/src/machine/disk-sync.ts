/** What one durable append costs on the disk under a folder: the floor of every hub's synced mutation there. */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";

export interface DiskSyncLatency {
  syncMsP50: number;
  syncMsP99: number;
  syncMsMean: number;
  /** Appends that were timed. */
  n: number;
}

/** A task row on the reference hub's wire, encoded. */
const APPEND_BYTES = 1_500;
/** Enough appends for a p99 on a disk that takes 1 ms; on a slower one the time limit ends the loop. */
const MAX_APPENDS = 500;

/** Appends and syncs (fdatasync) in a loop for at most `limitMs`. Blocks this process meanwhile. */
export function measureDiskSync(folder: string, limitMs = 500): DiskSyncLatency {
  const path = join(folder, `sync-probe-${process.pid}`);
  const file = openSync(path, "wx");
  try {
    const bytes = Buffer.alloc(APPEND_BYTES, "x");
    const timesMs: number[] = [];
    const startMs = performance.now();
    let nowMs = startMs;
    do {
      writeSync(file, bytes);
      fdatasyncSync(file);
      const laterMs = performance.now();
      timesMs.push(laterMs - nowMs);
      nowMs = laterMs;
    } while (timesMs.length < MAX_APPENDS && nowMs - startMs < limitMs);
    timesMs.sort((a, b) => a - b);
    const at = (share: number) => timesMs[Math.min(timesMs.length - 1, Math.floor(share * timesMs.length))] ?? Number.NaN;
    const syncMsMean = timesMs.reduce((sum, ms) => sum + ms, 0) / timesMs.length;
    return { syncMsP50: at(0.5), syncMsP99: at(0.99), syncMsMean, n: timesMs.length };
  } finally {
    closeSync(file);
    rmSync(path);
  }
}
