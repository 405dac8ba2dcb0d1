import { exponential, type Random, standardNormal } from "./random.ts";

/** How long a sidecar works on a task, in simulated milliseconds. `constant` 0: it completes in the turn in which it was assigned. */
export type WorkTime =
  | { kind: "constant"; ms: number }
  | { kind: "exponential"; meanMs: number }
  /** `sigma`: the standard deviation of the logarithm; 0.5 to 1 fits the durations of LLM calls. */
  | { kind: "lognormal"; medianMs: number; sigma: number };

export function sampleWorkMs(work: WorkTime, random: Random): number {
  switch (work.kind) {
    case "constant":
      return work.ms;
    case "exponential":
      return exponential(random, work.meanMs);
    case "lognormal":
      return work.medianMs * Math.exp(work.sigma * standardNormal(random));
  }
}

export function meanWorkMs(work: WorkTime): number {
  switch (work.kind) {
    case "constant":
      return work.ms;
    case "exponential":
      return work.meanMs;
    case "lognormal":
      return work.medianMs * Math.exp(work.sigma ** 2 / 2);
  }
}

/** The mean of a lognormal is exp(sigma² / 2) medians: 3,000 at 4; the widest that was found, of a tool's time, has 2.8. */
export const WORK_SIGMA_MAX = 4;

/** `250`, `exp:250` (mean) or `lognormal:250,0.8` (median, sigma up to 4); undefined when the text is none of them. */
export function parseWorkTime(text: string): WorkTime | undefined {
  const match = /^(?:(constant|exp|exponential|lognormal):)?([^,]+)(?:,(.+))?$/.exec(text.trim());
  if (!match) return undefined;
  const [, kind = "constant", first, second] = match;
  const ms = amountOf(first);
  const sigma = amountOf(second);
  if (ms === undefined) return undefined;
  if (kind === "lognormal")
    return ms > 0 && sigma !== undefined && sigma <= WORK_SIGMA_MAX ? { kind, medianMs: ms, sigma } : undefined;
  if (second !== undefined) return undefined;
  return kind === "constant" ? { kind, ms } : { kind: "exponential", meanMs: ms };
}

function amountOf(text: string | undefined): number | undefined {
  if (text === undefined || text.trim() === "") return undefined;
  const amount = Number(text);
  return Number.isFinite(amount) && amount >= 0 ? amount : undefined;
}
