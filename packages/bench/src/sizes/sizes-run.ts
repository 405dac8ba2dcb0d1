/** Brings the hubs of a series up at all their sizes, and gives them work in turn, slice by slice. */
import { enterHub } from "../compare/enter-hub.ts";
import type { Entrant } from "../compare/entrant.ts";
import { THOROUGH_WARM_UP } from "../compare/warm-up.ts";
import { formatHubId, type HubSpec } from "../drivers/index.ts";
import type { CpuIsolation } from "../isolation/cpu-quota.ts";
import { inGroups } from "../ladder/rungs.ts";
import type { ProcessCare } from "../machine/index.ts";
import { seededRandom } from "../measure/estimate.ts";
import type { Slo } from "../measure/slo.ts";
import type { ServerSources } from "../provisioning/index.ts";
import type { Workload } from "../workload/workload.ts";
import { type SeriesPlan, type SeriesResult, seriesResultOf, type Slice } from "./size-series.ts";

export interface SizesRun {
  care: ProcessCare;
  sources: ServerSources;
  isolation: CpuIsolation;
  coresPerHub: number | null;
  hubsAtOnce: number;
  workload: Workload;
  slo: Slo;
  rounds: number;
  fsyncFloorMs: number;
  seed: number;
  at(doing: string): void;
  tell(line: string): void;
  sleep(ms: number): Promise<void>;
  nowMs(): number;
}

type Ready = Extract<Entrant, { ready: true }>;

/** Rejects when a hub does not start or does not come to rest. */
export async function runSeries(plan: SeriesPlan & { spec: HubSpec }, run: SizesRun): Promise<SeriesResult> {
  const entrants: Ready[] = [];
  try {
    for (const point of plan.points) {
      run.at(`${plan.hub}: starting with ${point.completedRows.toLocaleString("en")} rows, ${point.agents} agents`);
      entrants.push(await enter(plan.spec, point, run));
    }
    for (const entrant of entrants) {
      await entrant.warmUp(THOROUGH_WARM_UP);
      await untilNothingIsOwed(entrant, run);
    }
    for (const entrant of entrants) entrant.applyQuotas();
    const inFlight = plan.grows === "completed rows" && scansTable(plan.spec) ? IN_FLIGHT_OF_SCANNING : IN_FLIGHT;
    const slices: Slice[][] = plan.points.map(() => []);
    // One round that is not counted: caches and heaps have their sizes then, under the quota.
    for (let round = -1; round < run.rounds; round++) {
      run.at(`${plan.hub}: growing ${plan.grows}, round ${round + 2} of ${run.rounds + 1}`);
      const indexes = entrants.map((_, index) => index);
      // Each round begins with another, so that none is always the first.
      const turned = [...indexes.slice((round + 1) % indexes.length), ...indexes.slice(0, (round + 1) % indexes.length)];
      for (const group of inGroups(turned, run.hubsAtOnce)) {
        const done = await Promise.all(group.map((index) => slice(entrants[index] as Ready, inFlight, round, run)));
        if (round >= 0) for (const [i, index] of group.entries()) slices[index]?.push(done[i] as Slice);
      }
    }
    const histories = [];
    for (const { generator } of entrants) histories.push((await generator.close()).history);
    return seriesResultOf(plan, slices, histories, seededRandom(run.seed));
  } finally {
    await Promise.all(entrants.map((entrant) => entrant.stop()));
  }
}

/** Enough to use up a hub's share of a core. */
const IN_FLIGHT = 8;
/** Of a hub that scans a table of thousands of rows several times a task, which may take it seconds. */
const IN_FLIGHT_OF_SCANNING = 2;
const SLICE_MS = 1_500;
function scansTable(spec: HubSpec): boolean {
  return spec.kind === "single" && spec.profile === "reference" && !spec.fixes.includes("C3");
}

/** A row for each completed task is kept, or the age would be pruned away. Hubs that prune nothing take it as read. */
const KEEP_ALL = ["--retain-completed", "10000000"];

async function enter(spec: HubSpec, { completedRows, agents }: SeriesPlan["points"][number], run: SizesRun): Promise<Ready> {
  const entrant = await enterHub({
    ...run,
    spec,
    id: formatHubId(spec),
    coresPerMachine: run.coresPerHub,
    durability: "fsync",
    workload: { ...run.workload, agents, completed_rows: completedRows },
    ...(spec.kind === "single" && { edgeFlags: KEEP_ALL }),
  });
  if (!entrant.ready) throw new Error(`${formatHubId(spec)}: ${entrant.refused.invalidReasons.join("; ")}`);
  return entrant;
}

async function slice(entrant: Ready, inFlight: number, round: number, run: SizesRun): Promise<Slice> {
  const { nowMs } = run;
  const startMs = nowMs();
  const cpuBefore = total(await entrant.hub.cpuSecondsByRole());
  const { paid } = await entrant.generator.probe(inFlight, SLICE_MS, run.seed + round + 1);
  await untilNothingIsOwed(entrant, run);
  if (paid === 0) throw new Error(`${entrant.hub.id} completed nothing in a slice; try fewer rows`);
  return { tasks: paid, wallSec: (nowMs() - startMs) / 1000, cpuSec: total(await entrant.hub.cpuSecondsByRole()) - cpuBefore };
}

const LOOK_EVERY_MS = 20;
/** A burst of joins leaves the reference a pass for each, of a whole scan each. */
const REST_WITHIN_MS = 180_000;

async function untilNothingIsOwed({ hub }: Ready, { nowMs, sleep }: SizesRun): Promise<void> {
  const startMs = nowMs();
  while ((await hub.lookInside()).owed > 0) {
    if (nowMs() - startMs > REST_WITHIN_MS) throw new Error(`${hub.id} still owes work after ${REST_WITHIN_MS / 1000} s`);
    await sleep(LOOK_EVERY_MS);
  }
}

function total(byRole: Record<string, number>): number {
  return Object.values(byRole).reduce((sum, seconds) => sum + seconds, 0);
}
