/** What a task asks of the hub, from its measured capacity: never a guess. */
import type { FleetInput } from "../decision/fleet-decision.ts";
import type { HubMeasure } from "../decision/hub-evidence.ts";
import { type FleetFactors, movedWithin } from "./fleet-factors.ts";

export interface HubDemand {
  /** Time of the whole hub for one task: the inverse of what it bears. */
  taskMs: number;
  /** For one progress frame. */
  frameMs: number;
  /** From submission to assignment at moderate load. */
  latencyMs: number;
}

/** A node of the twin computes on one core; a second one would idle. */
const CORES_OF_A_NODE = 1;

/** Synced writes for a progress frame where each touch is written at once (C6): data and header of the table. */
export const SYNCS_PER_FRAME = 2;

/**
 * Linear in cores, up to the one core that a node can use: a projection. Where syncs wait for each other, a slower disk adds its
 * difference for each of them; else it adds latency only.
 */
export function hubDemand(
  hub: HubMeasure,
  input: Pick<FleetInput, "hubCores" | "fsyncMs" | "completedRows">,
  factors: FleetFactors,
): HubDemand {
  const faster = Math.min(input.hubCores, CORES_OF_A_NODE) / hub.coresPerMachine;
  const slowerSyncMs = input.fsyncMs === null || hub.fsyncMs === null ? 0 : input.fsyncMs - hub.fsyncMs;
  const syncs = hub.syncsInTurn ? (hub.fsyncsPerTask?.value ?? 0) : 0;
  const measuredMs = 1_000 / (movedWithin(hub.capacityTasksPerSec, factors.hubDeviation) * faster);
  const taskMs = measuredMs + (scanMsPerRow(hub) * (input.completedRows - hub.completedRows)) / faster;
  const frameMs = hub.framesPerSec === null ? 0 : 1_000 / (movedWithin(hub.framesPerSec, factors.hubDeviation) * faster);
  const latencyMs = hub.assignMsP50?.value ?? 0;
  return {
    taskMs: Math.max(measuredMs * LEAST_SHARE, taskMs + syncs * slowerSyncMs),
    frameMs: Math.max(frameMs * LEAST_SHARE, frameMs + (hub.syncsInTurn && frameMs > 0 ? SYNCS_PER_FRAME * slowerSyncMs : 0)),
    latencyMs: Math.max(0, latencyMs + slowerSyncMs),
  };
}

/** A faster disk takes away the waiting, not the computing; how much of the demand that is was not measured, so a fifth stays. */
const LEAST_SHARE = 0.2;

/**
 * What one more completed row adds to each task of a hub that reads them all, on its own measured CPU: scans of the table for a task,
 * times CPU for a row. All of the hub's CPU is put down to its reads, so it is an upper bound; 0 for a hub that reads few rows.
 */
export function scanMsPerRow(hub: HubMeasure): number {
  const cpuMs = hub.cpuMsPerTask["hub"]?.value;
  const rows = hub.rowsReadPerTask?.value ?? 0;
  if (cpuMs === undefined || hub.completedRows === 0 || rows < hub.completedRows) return 0;
  return (rows / hub.completedRows) * (cpuMs / rows);
}

/** The hub in use. */
export function hubInUse({ hub, hubId }: Pick<FleetInput, "hub" | "hubId">): HubMeasure {
  const found = hub.hubs.find(({ id }) => id === hubId);
  if (!found) throw new Error(`no measurement of the hub '${hubId}'`);
  return found;
}
