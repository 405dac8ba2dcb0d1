/** What the machine was like while a result was measured: how fast, and how much of it other programs took. */
import { mean, median, quantileSorted, sampleStandardDeviation } from "simple-statistics";
import type { Estimate } from "../measure/estimate.ts";
import { studentQuantile } from "../statistics/effect-size.ts";
import type { CompareResult, HubResult, StoredTrial } from "./compare-result.ts";

/** Over the trials of all hubs. */
export interface Swing {
  median: number;
  /** Between these nine tenths of the trials lay. */
  low: number;
  high: number;
  trials: number;
}

type Hubs = Pick<CompareResult, "hubs">;

/** CPU milliseconds of the reference work beside the trials (machine/speedometer.ts). Null: a result of an earlier version, or trials too short to tell. */
export function machineSpeedOf(result: Hubs): Swing | null {
  return swingOf(result, ({ referenceMs }) => referenceMs);
}

/**
 * The same during one hub's trials: geometric mean, with its 95 % interval by the trials' scatter. Null: fewer than three trials tell.
 */
export function machineSpeedDuring({ trials }: Pick<HubResult, "trials">): Estimate | null {
  const logs = trials.flatMap(({ referenceMs }) => (referenceMs ? [Math.log(referenceMs)] : []));
  if (logs.length < 3) return null;
  const center = mean(logs);
  const halfWidth = (studentQuantile(logs.length - 1) * sampleStandardDeviation(logs)) / Math.sqrt(logs.length);
  const [low, value, high] = [center - halfWidth, center, center + halfWidth].map(Math.exp) as [number, number, number];
  return { value, low, high, n: logs.length, unit: "ms" };
}

/** CPU seconds a second of whatever ran beside a hub and its load, the hubs that waited for their turn included. Null: not known. */
export function othersCoresOf(result: Hubs): Swing | null {
  return swingOf(result, ({ othersCores }) => othersCores);
}

function swingOf({ hubs }: Hubs, of: (trial: StoredTrial) => number | null | undefined): Swing | null {
  const each = hubs.flatMap(({ trials }) => trials.flatMap((trial) => of(trial) ?? [])).sort((a, b) => a - b);
  if (each.length === 0) return null;
  return {
    median: median(each),
    low: quantileSorted(each, 0.05),
    high: quantileSorted(each, 0.95),
    trials: each.length,
  };
}

/** Beyond this factor between a run's slow and fast trials, the machine is what a reader must know of first. */
export const NOTABLE_SWING = 1.25;

/**
 * Beyond this, at the median trial, others made a hub's tasks dearer than they are. With 0.83 of a core's worth beside it, on two cores,
 * the tuned hub spent 0.97 ms on a task instead of 0.48.
 */
export const NOTABLE_OTHERS_CORES = 0.25;
