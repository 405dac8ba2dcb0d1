/** What a hub must hold for a load to count as borne. */
export interface Slo {
  metric: "assign.p99" | "assign.p50" | "submit.p99" | "complete.p99";
  boundMs: number;
}

const FORM = /^\s*(assign|submit|complete)\.(p50|p99)\s*<=?\s*(\d+(?:\.\d+)?)\s*(ms|s)\s*$/;
const METRICS: readonly string[] = ["assign.p99", "assign.p50", "submit.p99", "complete.p99"];

/** Reads for instance `assign.p99 < 100ms`. Undefined when it is not of that form. */
export function parseSlo(text: string): Slo | undefined {
  const match = FORM.exec(text);
  if (!match) return undefined;
  const metric = `${match[1]}.${match[2]}`;
  const boundMs = Number(match[3]) * (match[4] === "s" ? 1000 : 1);
  if (!METRICS.includes(metric) || boundMs <= 0) return undefined;
  return { metric: metric as Slo["metric"], boundMs };
}

export function sloText(slo: Slo): string {
  return `${slo.metric} < ${slo.boundMs} ms`;
}

export const SLO_HELP = `write for instance 'assign.p99 < 100ms' (metrics: ${METRICS.join(", ")}; units: ms, s)`;
