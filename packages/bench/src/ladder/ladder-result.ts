/** What `bench ladder` writes: `ladder.json`, schema `hubscale.ladder/1`, and how a rung is set against the reference. Pure. */
import type { Estimate } from "../measure/estimate.ts";
import type { HubResult } from "../results/compare-result.ts";
import { independentQuotient } from "../statistics/effect-size.ts";
import { type Gain, hubIdOf, nameOf, type Rung } from "./rungs.ts";
import { type Condition, LADDER_SCHEMA, type Ladder, type LadderResult, type RungResult } from "./ladder-schema.ts";

export type { Condition, Ladder, LadderResult, RungResult };
export { LADDER_SCHEMA };

/** Measured, and set against the reference under the same condition; the reference is set against nothing. */
export function rungResultOf(rung: Rung, hub: HubResult, reference: RungResult | null, condition: Condition): RungResult {
  const capacity = hub.capacity.tasksPerSec;
  const cpuMsPerTask = hub.perTask["hub"]?.cpuMs ?? null;
  const comparable = reference?.valid === true && hub.valid;
  const ratio = comparable && capacity && reference.capacity ? independentQuotient(capacity, reference.capacity) : null;
  const cpuRatio =
    reference && cpuMsPerTask && reference.cpuMsPerTask ? independentQuotient(reference.cpuMsPerTask, cpuMsPerTask) : null;
  const count = (outcome: string) => hub.trials.filter((trial) => trial.outcome === outcome).length;
  const ceiling = condition.agentsCeilingPerSec;
  return {
    kind: rung.kind,
    name: nameOf(rung),
    hub: hubIdOf(rung),
    fixes: [...rung.fixes],
    added: [...rung.added],
    valid: hub.valid,
    invalidReasons: hub.invalidReasons,
    capacity,
    ratio,
    cpuMsPerTask,
    cpuRatio,
    toldApart: { byCapacity: leavesOutOne(ratio), byCpu: leavesOutOne(cpuRatio) },
    atAgentsCeiling: ceiling !== null && capacity !== null && capacity.high >= AT_CEILING_SHARE * ceiling,
    fsyncsPerTask: hub.perTask["hub"]?.fsyncs ?? null,
    bound: hub.bound.explanation,
    trials: { held: count("held"), missed: count("missed"), invalid: count("invalid") },
    history: hub.history,
  };
}

/** Agents are never busy all the time: between two tasks lies the hub's own time. */
const AT_CEILING_SHARE = 0.9;
/** A bootstrap of fewer trials is narrower than what is known. */
const TRIALS_AT_LEAST = 3;

function leavesOutOne(ratio: Estimate | null): boolean {
  return ratio !== null && ratio.n >= TRIALS_AT_LEAST && (ratio.low > 1 || ratio.high < 1);
}

/** What each fix alone is worth, for the order in which they are added up. */
export function gainsOf(rungs: readonly RungResult[]): Gain[] {
  return rungs.flatMap(({ kind, added, ratio, cpuRatio, toldApart }) => {
    const [fix] = added;
    if (kind !== "alone" || fix === undefined) return [];
    if (toldApart.byCapacity) return [{ fix, factor: ratio?.value ?? null }];
    return [{ fix, factor: toldApart.byCpu ? (cpuRatio?.value ?? null) : null }];
  });
}

/** The answer of a ladder in one sentence; of the first one, when there are several. */
export function verdictOf(ladder: Ladder | undefined): string {
  const reference = ladder?.rungs.find((rung) => rung.kind === "reference");
  if (!ladder || !reference?.capacity) return "No verdict: the reference could not be measured.";
  const top = ladder.rungs
    .filter((rung) => rung.kind !== "control")
    .reduce((a, b) => (b.fixes.length >= a.fixes.length ? b : a));
  const alone = ladder.rungs.filter((rung) => rung.kind === "alone");
  const best = alone
    .filter((rung) => rung.toldApart.byCapacity && (rung.ratio?.value ?? 0) > 1)
    .sort((a, b) => (b.ratio?.value ?? 0) - (a.ratio?.value ?? 0))[0];
  const total = top.ratio
    ? `${top.fixes.length} fixes together: ${times(top.ratio)} the reference's capacity.`
    : "The sum of the fixes could not be set against the reference.";
  const single = best?.ratio
    ? `Alone, ${best.added.join("")} gives most: ${times(best.ratio)}.`
    : "No fix alone is told apart from the reference by its capacity.";
  const silent = alone.filter((rung) => !rung.toldApart.byCapacity && !rung.toldApart.byCpu).map((rung) => rung.added.join(""));
  return [total, single, silent.length > 0 ? `Not told apart alone: ${silent.join(", ")}.` : ""].filter(Boolean).join(" ");
}

function times({ value, low, high }: Estimate): string {
  const text = (factor: number) => factor.toFixed(factor < 10 ? 1 : 0);
  return `×${text(value)} [${text(low)}, ${text(high)}]`;
}
