/** What a hub must hold for a load to count as borne. */
export interface Slo {
  stage: Stage;
  quantile: "p50" | "p99";
  boundMs: number;
}

/**
 * Where a latency ends that began at an intended time. Of a task: acknowledged, assigned, completed. Of an agent's frames: `report`,
 * a working agent's question for its task is answered; `deliver`, a message has reached an agent; `pong`, a ping is answered.
 */
export type Stage = (typeof STAGES)[number];

const STAGES = ["submit", "assign", "complete", "report", "deliver", "pong"] as const;
const FORM = /^\s*(\w+)\.(p50|p99)\s*<=?\s*(\d+(?:\.\d+)?)\s*(ms|s)\s*$/;

/** Reads for instance `assign.p99 < 100ms`. Undefined when it is not of that form. */
export function parseSlo(text: string): Slo | undefined {
  const match = FORM.exec(text);
  const stage = STAGES.find((name) => name === match?.[1]);
  const boundMs = Number(match?.[3]) * (match?.[4] === "s" ? 1000 : 1);
  if (!match || !stage || !(boundMs > 0)) return undefined;
  return { stage, quantile: match[2] as Slo["quantile"], boundMs };
}

/** Share of the observations that may be over the bound. */
export function allowedShare(slo: Slo): number {
  return slo.quantile === "p99" ? 0.01 : 0.5;
}

export function metricOf(slo: Slo): string {
  return `${slo.stage}.${slo.quantile}`;
}

export function sloText(slo: Slo): string {
  return `${metricOf(slo)} < ${slo.boundMs} ms`;
}

export const SLO_HELP = `write for instance 'assign.p99 < 100ms' (${STAGES.join(", ")}; p50, p99; ms, s)`;
