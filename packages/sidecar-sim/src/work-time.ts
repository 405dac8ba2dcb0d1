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

/** A day, as the constant, the mean or the median: far above any task, of which a hub takes most away after 20 minutes. */
export const WORK_MS_MAX = 86_400_000;

/** The mean of a lognormal is exp(sigma² / 2) medians: 3,000 at 4; the widest that was found, of a tool's time, has 2.8. */
const SIGMA_MAX = 4;

/** What can be read, in words. */
export const WORK_TIME_HELP = `write MS, exp:MEAN or lognormal:MEDIAN,SIGMA, with up to ${WORK_MS_MAX} ms and a SIGMA up to ${SIGMA_MAX}`;

/** `250`, `exp:250` (mean) or `lognormal:250,0.8` (median, sigma); undefined when the text is none of them, or above a limit. */
export function parseWorkTime(text: string): WorkTime | undefined {
  const match = /^(?:(constant|exp|exponential|lognormal):)?([^,]+)(?:,(.+))?$/.exec(text.trim());
  if (!match) return undefined;
  const [, kind = "constant", first, second] = match;
  const ms = amountOf(first, WORK_MS_MAX);
  const sigma = amountOf(second, SIGMA_MAX);
  if (ms === undefined) return undefined;
  if (kind === "lognormal") return ms > 0 && sigma !== undefined ? { kind, medianMs: ms, sigma } : undefined;
  if (second !== undefined) return undefined;
  return kind === "constant" ? { kind, ms } : { kind: "exponential", meanMs: ms };
}

function amountOf(text: string | undefined, max: number): number | undefined {
  if (text === undefined || text.trim() === "") return undefined;
  const amount = Number(text);
  return amount >= 0 && amount <= max ? amount : undefined;
}
