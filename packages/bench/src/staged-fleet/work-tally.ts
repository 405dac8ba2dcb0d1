/** What the agents of a fleet did, by tier. */
import { type TaskPlan, WORK_TIERS, type WorkTier } from "@hubscale/fleet-model";
import type { TaskResult, TaskTraffic } from "@hubscale/sidecar-sim";

export interface TierTally {
  done: number;
  failed: number;
  /** Of those done, in the fleet's time. */
  workMs: number;
  tokensIn: number;
  tokensOut: number;
  traffic: TaskTraffic;
  /** Planned to the endpoint and to the API; retries are not counted. */
  requests: { ollama: number; api: number };
  /** Why tasks failed, and how often. */
  errors: Record<string, number>;
}

export class WorkTally {
  readonly tiers: Readonly<Record<WorkTier, TierTally>> = {
    trivial: emptyTally(),
    standard: emptyTally(),
    complex: emptyTally(),
  };

  /** Whatever the hub made of it. */
  note(plan: TaskPlan, result: TaskResult): void {
    const tally = this.tiers[plan.tier];
    if (result.outcome === "complete") {
      tally.done++;
      tally.workMs += result.workMs;
    } else {
      tally.failed++;
      // Without numbers of amounts, which would make a reason of its own of each.
      const reason = (result.error ?? "failed").replace(/\d[\d,]*\d{3}|\d+\.\d+/g, "…");
      tally.errors[reason] = (tally.errors[reason] ?? 0) + 1;
    }
    tally.tokensIn += result.tokensIn;
    tally.tokensOut += result.tokensOut;
    for (const { kind } of plan.phases) {
      if (kind === "ollama") tally.requests.ollama++;
      if (kind === "claude") tally.requests.api++;
    }
    for (const segment of ["ollama", "api"] as const) {
      tally.traffic[segment].upBytes += result.traffic[segment].upBytes;
      tally.traffic[segment].downBytes += result.traffic[segment].downBytes;
    }
  }

  /** For a person; each entry one line. */
  lines(fleetMs: number): string[] {
    return WORK_TIERS.flatMap((tier) => {
      const { done, failed, workMs, tokensOut, traffic, errors } = this.tiers[tier];
      if (done + failed === 0) return [];
      const perHour = Math.round((done * 3_600_000) / fleetMs);
      const parts = [`${tier}: ${done} done (${perHour}/h of the fleet's time, ${seconds(workMs / Math.max(1, done))} each)`];
      if (failed > 0) parts.push(`${failed} failed: ${reasons(errors)}`);
      if (tokensOut > 0) parts.push(`${Math.round(tokensOut / (fleetMs / 1_000))} tokens/s`);
      for (const segment of ["ollama", "api"] as const) {
        const { upBytes, downBytes } = traffic[segment];
        if (upBytes > 0) parts.push(`${segment} ${megabytes(upBytes)} up, ${megabytes(downBytes)} down`);
      }
      return [parts.join(" · ")];
    });
  }
}

function emptyTally(): TierTally {
  const nothing = () => ({ upBytes: 0, downBytes: 0 });
  const traffic = { ollama: nothing(), api: nothing() };
  return { done: 0, failed: 0, workMs: 0, tokensIn: 0, tokensOut: 0, traffic, requests: { ollama: 0, api: 0 }, errors: {} };
}

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
const reasons = (errors: Record<string, number>) =>
  Object.entries(errors)
    .sort((a, b) => b[1] - a[1])
    .map(([reason, count]) => `${count} × ${reason}`)
    .join(", ");
