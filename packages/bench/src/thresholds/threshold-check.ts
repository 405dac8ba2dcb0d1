/**
 * Thresholds against a result. What counts is the bound of the interval that is nearer to failing: the low one for `at_least`, the
 * high one for `at_most`. A lucky point estimate passes nothing; a run too short to know fails, and says that it was too short.
 */
import { significant } from "../decision/decision.ts";
import type { Estimate } from "../measure/estimate.ts";
import type { CompareResult, HubResult } from "../results/compare-result.ts";
import { independentQuotient, widenedForFewObservations } from "../statistics/effect-size.ts";
import type { Threshold } from "./threshold-file.ts";
import type { ThresholdCheck } from "./threshold-schema.ts";

export type { ThresholdCheck };

export function checkThresholds(thresholds: readonly Threshold[], { hubs }: Pick<CompareResult, "hubs">): ThresholdCheck[] {
  return thresholds.map((threshold) => {
    const found = measuredFor(threshold, hubs);
    const outcome = "why" in found ? { met: false, measured: null, explanation: found.why } : judged(threshold, found.measured);
    return Object.assign({}, threshold, outcome);
  });
}

/** One line each, the missed ones first. */
export function renderChecks(checks: readonly ThresholdCheck[]): string[] {
  const missed = checks.filter(({ met }) => !met);
  return [...missed, ...checks.filter(({ met }) => met)].map(
    ({ met, hub, over, metric, explanation, at }) =>
      `threshold ${met ? "met" : "MISSED"}  ${hub}${over === null ? "" : ` over ${over}`} ${metric}: ${explanation}  (${at})`,
  );
}

function judged({ kind, bound }: Threshold, measured: Estimate): Omit<ThresholdCheck, keyof Threshold> {
  const { low, high, value } = measured;
  const worst = kind === "at_least" ? low : high;
  const met = kind === "at_least" ? low >= bound : high <= bound;
  const valueMeets = kind === "at_least" ? value >= bound : value <= bound;
  const interval = `${significant(value)} [${significant(low)}, ${significant(high)}]`;
  const end = kind === "at_least" ? "low" : "high";
  const asked = `${kind.replace("_", " ")} ${bound}`;
  if (met) return { met, measured, explanation: `${interval}, ${asked}` };
  const unsure = valueMeets ? ": the value would do, the interval does not; a longer run may" : "";
  return { met, measured, explanation: `${interval}, ${asked}, but the ${end} end is ${significant(worst)}${unsure}` };
}

function measuredFor({ hub, over, metric }: Threshold, hubs: readonly HubResult[]): { measured: Estimate } | { why: string } {
  const own = numberOf(hub, metric, hubs);
  if ("why" in own || over === null) return own;
  const other = numberOf(over, metric, hubs);
  if ("why" in other) return other;
  if (!(own.measured.low > 0) || !(other.measured.low > 0)) return { why: "no ratio can be made of a number that may be 0" };
  return { measured: independentQuotient(own.measured, other.measured) };
}

function numberOf(id: string, metric: string, hubs: readonly HubResult[]): { measured: Estimate } | { why: string } {
  const hub = hubs.find((each) => each.id === id);
  if (!hub) return { why: `${id} is not in this run` };
  if (!hub.valid) return { why: `${id} is not valid: ${hub.invalidReasons[0] ?? "no reason given"}` };
  const estimate = metric.split(".").reduce<unknown>((part, name) => (part as Record<string, unknown> | null)?.[name], hub);
  if (!isEstimate(estimate)) return { why: `${id}: not measured in this run` };
  const isBootstrap = metric.startsWith("perTask.") || metric.startsWith("workPerTask.");
  if (estimate.n >= 2 && (!isBootstrap || !(estimate.low > 0))) return { measured: estimate };
  const widened = widenedForFewObservations(estimate);
  return widened ? { measured: widened } : { why: `${id}: one trial, so no interval to hold against the bound` };
}

function isEstimate(value: unknown): value is Estimate {
  return typeof value === "object" && value !== null && typeof (value as Estimate).low === "number";
}
