/** Violations of the protocol by one connection, and how long its agent is then kept out (contract §3). */
import { LIMITS } from "@hubscale/protocol";

/** Times of the violations within the window, oldest first; at most `LIMITS.violations`. */
export type ViolationLog = readonly number[];

/** `close`: the connection is to be closed with 1008. */
export function recordViolation(log: ViolationLog | undefined, nowMs: number): { log: ViolationLog; close: boolean } {
  const recent = [...(log ?? []).filter((atMs) => nowMs - atMs < LIMITS.violationWindowMs), nowMs].slice(-LIMITS.violations);
  return { log: recent, close: recent.length >= LIMITS.violations };
}

/** For how long identify is refused after this many closures for violations, in milliseconds; 0 before the first. */
export function identifyBackoffMs(closures: number): number {
  if (closures <= 0) return 0;
  const steps = LIMITS.violationBackoffMs;
  return steps[Math.min(closures, steps.length) - 1] ?? 0;
}
