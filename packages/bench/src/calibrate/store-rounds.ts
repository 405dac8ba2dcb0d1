/** Times two stores and the disk in turn: what disturbs the machine for a while disturbs all three. */
import { measureDiskSync } from "../machine/index.ts";
import type { Round, Timing } from "./calibration.ts";
import { type Operation, OPERATIONS, type TimedStore } from "./timed-store.ts";

export interface RoundsOptions {
  twin: TimedStore;
  dets: TimedStore | undefined;
  /** Where the disk is timed: the folder of both. */
  folder: string;
  rounds: number;
  /** No new round begins after this time, once there are `ROUNDS_AT_LEAST`. */
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

type Counts = Partial<Record<Operation, number>>;

export async function timeRounds(options: RoundsOptions): Promise<Round[]> {
  const { twin, dets, folder } = options;
  const twinCounts = await warmUp(twin);
  const detsCounts = dets && (await warmUp(dets));
  const rounds: Round[] = [];
  while (rounds.length < options.rounds) {
    if (rounds.length >= ROUNDS_AT_LEAST && options.nowMs() > options.untilMs) break;
    const round: Round = { twin: {}, dets: dets && {}, appendSyncMs: 0 };
    for (const operation of OPERATIONS) {
      await timeOne(twin, operation, twinCounts, round.twin);
      if (dets && detsCounts && round.dets) await timeOne(dets, operation, detsCounts, round.dets);
    }
    round.appendSyncMs = measureDiskSync(folder, DISK_MS).syncMsMean;
    rounds.push(round);
  }
  return rounds;
}

/** How many of each operation make a batch; an operation that this table cannot do is missing. */
async function warmUp(store: TimedStore): Promise<Counts> {
  const counts: Counts = {};
  for (const operation of OPERATIONS) {
    if (operation === "lookup" && store.rows === 0) continue;
    const tried = WARM_UP_COUNT[operation];
    counts[operation] = batchCount(await store.time(operation, tried), tried, COUNT_MAX[operation]);
  }
  return counts;
}

export function batchCount(ms: number, count: number, max: number): number {
  return Math.max(1, Math.min(max, Math.round((BATCH_MS * count) / Math.max(ms, 0.001))));
}

async function timeOne(
  store: TimedStore,
  operation: Operation,
  counts: Counts,
  into: Partial<Record<Operation, Timing>>,
): Promise<void> {
  const count = counts[operation];
  if (count !== undefined) into[operation] = { ms: await store.time(operation, count), count };
}
