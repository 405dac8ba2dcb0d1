/** What a series of fault runs comes to: the file `faults.json`, and the summary of each hub. */
import type { EnvironmentFingerprint } from "../machine/index.ts";
import { type Estimate, medianEstimate, seededRandom } from "../measure/estimate.ts";
import type { DurabilityLevel } from "@hubscale/hub-runtime";
import type { FaultKind } from "./fault-plan.ts";
import type { FaultRun, FaultWork, StruckFault } from "./fault-run.ts";

export const FAULTS_SCHEMA = "hubscale.faults/1";

export interface FaultsResult {
  schema: typeof FAULTS_SCHEMA;
  startedAt: string;
  environment: EnvironmentFingerprint;
  /** Required of every store, and read back. */
  durability: DurabilityLevel;
  leaseMs: number;
  /** Those that the plans were drawn from; those that cannot happen to a hub were left out for it. */
  kinds: readonly FaultKind[];
  work: FaultWork;
  /** A task that takes this much longer than its work is delayed. */
  delayedMs: number;
  hubs: HubFaults[];
  runs: FaultRun[];
}

export interface HubFaults {
  hub: string;
  runs: number;
  seeds: { first: number; last: number };
  faults: number;
  acknowledged: number;
  lost: number;
  duplicated: number;
  staleAccepted: number;
  generationFaults: number;
  unfinished: number;
  /** Tasks that waited for a timeout of the reference hub; they ended, within 120 s. */
  waited: number;
  /** Seeds of the runs in which something was broken. */
  brokenSeeds: number[];
  all: FaultEffect;
  /** Each kind that occurred, of the runs in which it was the only fault: what two at once take is neither's. */
  byKind: (FaultEffect & { kind: FaultKind })[];
}

/** Medians over the faults that the hub recovered from. */
export interface FaultEffect {
  faults: number;
  notRecovered: number;
  recoverySeconds: Estimate | null;
  /** Over the faults that a client noticed. */
  noticedSeconds: Estimate | null;
  tasksDelayed: Estimate | null;
}

/** In the order in which the hubs first occur. */
export function summarised(runs: readonly FaultRun[]): HubFaults[] {
  return [...new Set(runs.map(({ hub }) => hub))].map((hub) =>
    ofHub(
      hub,
      runs.filter((run) => run.hub === hub),
    ),
  );
}

function ofHub(hub: string, runs: readonly FaultRun[]): HubFaults {
  const sum = (of: "acknowledged" | "lost" | "duplicated" | "staleAccepted" | "generationFaults" | "unfinished") =>
    runs.reduce((total, { history }) => total + history[of], 0);
  const faults = runs.flatMap((run) => run.faults);
  const alone = runs.filter((run) => run.faults.length === 1).flatMap((run) => run.faults);
  const kinds = [...new Set(alone.map(({ fault }) => fault.kind))].sort();
  const seeds = runs.map(({ seed }) => seed);
  return {
    hub,
    runs: runs.length,
    seeds: { first: Math.min(...seeds), last: Math.max(...seeds) },
    faults: faults.length,
    acknowledged: sum("acknowledged"),
    lost: sum("lost"),
    duplicated: sum("duplicated"),
    staleAccepted: sum("staleAccepted"),
    generationFaults: sum("generationFaults"),
    unfinished: sum("unfinished"),
    waited: runs.reduce((total, { waited }) => total + Object.keys(waited).length, 0),
    brokenSeeds: runs.filter(({ broken }) => broken.length > 0).map(({ seed }) => seed),
    all: effectOf(faults),
    byKind: kinds.map((kind) => Object.assign(effectOf(alone.filter(({ fault }) => fault.kind === kind)), { kind })),
  };
}

/** Medians: one fault that falls together with another makes a mean its own. */
function effectOf(faults: readonly StruckFault[]): FaultEffect {
  const recovered = faults.flatMap(({ recoverySeconds }) => recoverySeconds ?? []);
  const delayed = faults.filter(({ recovery }) => recovery !== null).map(({ tasksDelayed }) => tasksDelayed);
  return {
    faults: faults.length,
    notRecovered: faults.length - recovered.length,
    recoverySeconds: medianEstimate(recovered, "s", seededRandom(1)) ?? null,
    noticedSeconds:
      medianEstimate(
        faults.flatMap(({ noticedSeconds }) => noticedSeconds ?? []),
        "s",
        seededRandom(1),
      ) ?? null,
    tasksDelayed: medianEstimate(delayed, "tasks", seededRandom(1)) ?? null,
  };
}
