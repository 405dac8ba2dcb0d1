/** Times two stores and the disk in turn: what disturbs the machine for a while disturbs all three. */
import { measureDiskSync } from "../machine/index.ts";
import type { Round } from "./calibration.ts";
import type { Operation, TimedStore } from "./timed-store.ts";

export interface RoundsOptions {
  twin: TimedStore;
  dets: TimedStore | undefined;
  /** Where the disk is timed: the folder of both. */
  folder: string;
  rounds: number;
  /** Half of the time until then is for reads, half for writes: no new round begins after it, once there are `ROUNDS_AT_LEAST`. */
  untilMs: number;
  nowMs(): number;
}

/** Fewer give no interval worth its name. */
export const ROUNDS_AT_LEAST = 3;
/** One operation of one store in one round is given about this long. */
const BATCH_MS = 50;
const DISK_MS = 40;
/** Unmeasured at first: code is compiled, caches are filled, and what one operation takes is learnt. */
const WARM_UP_COUNT: Record<Operation, number> = { insertSync: 20, insert: 50, lookup: 50, fold: 1 };
const COUNT_MAX: Record<Operation, number> = { insertSync: 200, insert: 500, lookup: 500, fold: 20 };

/**
 * First all that reads, then all that writes: rows that were inserted and removed again leave marks in LevelDB, which later
 * folds would have to step over. An empty table has nothing to look up and nothing to fold.
 */
const READS: readonly Operation[] = ["lookup", "fold"];
const WRITES: readonly Operation[] = ["insertSync", "insert"];

export async function timeRounds(options: RoundsOptions): Promise<Round[]> {
  const { dets, folder, nowMs, untilMs } = options;
  const rounds: Round[] = [];
  const roundOf = (i: number) => (rounds[i] ??= { twin: {}, dets: dets && {}, appendSyncMs: undefined });
  const reads = options.twin.rows > 0 ? READS : [];
  const startMs = nowMs();
  for (const [operations, phaseEndMs] of [
    [reads, startMs + (untilMs - startMs) / 2],
    [WRITES, untilMs],
  ] as const) {
    const turns = await turnsAt(operations, options);
    for (let i = 0; i < options.rounds; i++) {
      if (i >= ROUNDS_AT_LEAST && nowMs() > phaseEndMs) break;
      const round = roundOf(i);
      for (const turn of turns) await turn(round);
      if (operations === WRITES) round.appendSyncMs = measureDiskSync(folder, DISK_MS).syncMsMean;
    }
  }
  return rounds;
}

/** One turn for each operation and store, warmed up, so that it takes about the time of a batch. */
async function turnsAt(operations: readonly Operation[], { twin, dets }: RoundsOptions) {
  const turns: ((round: Round) => Promise<void>)[] = [];
  for (const operation of operations) {
    const twinCount = await warmUp(twin, operation);
    turns.push(async ({ twin: timings }) => {
      timings[operation] = { ms: await twin.time(operation, twinCount), count: twinCount };
    });
    if (!dets) continue;
    const detsCount = await warmUp(dets, operation);
    turns.push(async ({ dets: timings }) => {
      if (timings) timings[operation] = { ms: await dets.time(operation, detsCount), count: detsCount };
    });
  }
  return turns;
}

async function warmUp(store: TimedStore, operation: Operation): Promise<number> {
  const tried = WARM_UP_COUNT[operation];
  return batchCount(await store.time(operation, tried), tried, COUNT_MAX[operation]);
}

/** How many operations make a batch, by what `count` of them took. */
export function batchCount(ms: number, count: number, max: number): number {
  return Math.max(1, Math.min(max, Math.round((BATCH_MS * count) / Math.max(ms, 0.001))));
}
