/** How fast the machine was while a result was measured, by the reference work beside its trials (machine/speedometer.ts). */
import { median, quantileSorted } from "simple-statistics";
import type { CompareResult } from "./compare-result.ts";

export interface MachineSpeed {
  /** CPU milliseconds of the reference work: the median of all trials, and between what nine tenths of them lay. */
  medianMs: number;
  lowMs: number;
  highMs: number;
  trials: number;
}

/** Null: a result of an earlier version, or trials too short to tell. */
export function machineSpeedOf({ hubs }: Pick<CompareResult, "hubs">): MachineSpeed | null {
  const each = hubs.flatMap(({ trials }) => trials.flatMap(({ referenceMs }) => referenceMs ?? [])).sort((a, b) => a - b);
  if (each.length === 0) return null;
  return {
    medianMs: median(each),
    lowMs: quantileSorted(each, 0.05),
    highMs: quantileSorted(each, 0.95),
    trials: each.length,
  };
}

/** Beyond this factor between a run's slow and fast trials, the machine is what a reader must know of first. */
export const NOTABLE_SWING = 1.25;
