/** Which hubs are tried at which sizes, and how a size is set against the first of its series. Pure. */
import type { History } from "../results/compare-result.ts";
import { type Estimate, ratioEstimate } from "../measure/estimate.ts";

export const SIZES_SCHEMA = "hubscale.sizes/1";

/** A hub with an age and a fleet. */
export interface SizePoint {
  completedRows: number;
  agents: number;
}

/** One thing grows from point to point; everything is set against the first. */
export interface SeriesPlan {
  hub: string;
  grows: "completed rows" | "agents";
  points: SizePoint[];
}

/** What a hub did in one slice: given work without a pause for a while, and then left alone until it owed nothing. */
export interface Slice {
  tasks: number;
  wallSec: number;
  cpuSec: number;
}

export interface SizeResult extends SizePoint {
  /** Tasks over the time until nothing was owed any more, put-off scheduling passes (C10) included: what the hub can do for good. */
  tasksPerSec: Estimate;
  cpuMsPerTask: Estimate;
  /** Over those of the series' first point, from the same slices. Null for the first. */
  capacityRatio: Estimate | null;
  cpuRatio: Estimate | null;
  history: History;
}

export interface SeriesResult {
  hub: string;
  grows: SeriesPlan["grows"];
  sizes: SizeResult[];
  verdict: string;
}

export interface SizesResult {
  schema: typeof SIZES_SCHEMA;
  startedAt: string;
  wallSeconds: number;
  seed: number;
  rounds: number;
  isolation: { kind: string; how: string; coresPerHub: number | null };
  hubsAtOnce: number;
  environment: Record<string, unknown>;
  series: SeriesResult[];
}

/** `slices[p][r]`: what point p did in round r. In a round all points take their turns close together. */
export function seriesResultOf(
  plan: SeriesPlan,
  slices: readonly (readonly Slice[])[],
  histories: readonly History[],
  random: () => number,
): SeriesResult {
  const [first = []] = slices;
  const rate = ({ tasks, wallSec }: Slice) => tasks / wallSec;
  const cpu = ({ tasks, cpuSec }: Slice) => (cpuSec * 1000) / tasks;
  const sizes = plan.points.map((point, p): SizeResult => {
    const own = slices[p] ?? [];
    const sum = (numerator: (slice: Slice) => number, denominator: (slice: Slice) => number, unit: string) =>
      ratioEstimate(
        own.map((slice) => ({ numerator: numerator(slice), denominator: denominator(slice) })),
        unit,
        random,
      ) as Estimate;
    // By rounds: what slowed a whole round down meets both and cancels.
    const against = (of: (slice: Slice) => number) =>
      p === 0
        ? null
        : (ratioEstimate(
            own.map((slice, round) => ({ numerator: of(slice), denominator: of(first[round] as Slice) })),
            "×",
            random,
          ) as Estimate);
    return {
      ...point,
      tasksPerSec: sum(
        ({ tasks }) => tasks,
        ({ wallSec }) => wallSec,
        "tasks/s",
      ),
      cpuMsPerTask: sum(
        ({ cpuSec }) => cpuSec * 1000,
        ({ tasks }) => tasks,
        "ms",
      ),
      capacityRatio: against(rate),
      cpuRatio: against(cpu),
      history: histories[p] as History,
    };
  });
  return { hub: plan.hub, grows: plan.grows, sizes, verdict: verdictOf(plan, sizes) };
}

/** A hub whose capacity stays within this of what it was is said to keep it. */
export const KEPT_WITHIN = 0.1;

/** Of the last point against the first. */
function verdictOf({ hub, grows }: SeriesPlan, sizes: readonly SizeResult[]): string {
  const [first, last] = [sizes[0], sizes.at(-1)];
  const ratio = last?.capacityRatio;
  if (!first || !last || !ratio) return `${hub}: one size says nothing of growth.`;
  const of = (size: SizeResult) => (grows === "agents" ? size.agents : size.completedRows).toLocaleString("en");
  const times = `×${ratio.value.toFixed(2)} [${ratio.low.toFixed(2)}, ${ratio.high.toFixed(2)}]`;
  const from = `${of(last)} ${grows} against ${of(first)}`;
  if (ratio.low >= 1 - KEPT_WITHIN && ratio.high <= 1 + KEPT_WITHIN) {
    return `${hub} keeps its capacity: ${times} with ${from}, within ${KEPT_WITHIN * 100} %.`;
  }
  if (ratio.high < 1) return `${hub} falls to ${times} of its capacity with ${from}.`;
  if (ratio.low > 1) return `${hub} rises to ${times} of its capacity with ${from}.`;
  return `${hub}: ${times} with ${from}: not told apart from 1, and not shown to be within ${KEPT_WITHIN * 100} % either.`;
}
