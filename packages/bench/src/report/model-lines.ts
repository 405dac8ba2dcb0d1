/** The scaling model in words: what binds first and next, and how far such statements were off where they could be checked. */
import { significant } from "../decision/decision.ts";
import type { ProjectedSize, ScaledSize, Scaling } from "../statistics/scaling.ts";
import type { Bottleneck, ScalingModel } from "../statistics/scaling-model.ts";
import type { UslFit } from "../statistics/usl.ts";

/** Absent in results of earlier versions: then nothing is said. */
export function bottleneckLines(model: ScalingModel | undefined): string[] {
  return (model?.bottlenecks ?? []).map((bottleneck) => `${bottleneck.hub}: ${rolesText(bottleneck)}`);
}

export function modelErrorLines(model: ScalingModel | undefined): string[] {
  if (!model) return [];
  const lines: string[] = [];
  if (model.error) {
    const { meanPercent, measuredHalfWidthPercent, heldOut } = model.error;
    const each = heldOut.map(({ hub, from, errorPercent }) => `${hub} from ${sourceText(from)} ${signed(errorPercent)} %`);
    lines.push(
      `utilisation law: ${significant(meanPercent)} % on sizes it had not seen (${each.join(", ")}); the measured capacities themselves are known to ±${significant(measuredHalfWidthPercent)} %`,
    );
  }
  for (const [family, fit] of Object.entries(model.usl ?? {})) lines.push(uslText(family, fit));
  if (model.whyNoUsl !== null) lines.push(`USL: ${model.whyNoUsl}`);
  return lines;
}

/** Results of earlier versions name the one size that a prediction was made from. */
function sourceText(from: string): string {
  return from.includes(",") ? "the others" : from;
}

export function scalingLines(scaling: readonly Scaling[] | undefined): string[] {
  const lines: string[] = [];
  for (const { sizes, over, beyond } of scaling ?? []) {
    for (const size of sizes) if (size.hub !== over) lines.push(speedUpText(size, over));
    for (const size of beyond) lines.push(projectionText(size));
  }
  return lines;
}

function speedUpText({ hub, speedUp, busiest }: ScaledSize, over: string): string {
  const { value, low, high } = speedUp;
  const busy = busiest ? `; busiest: ${busiest.role}, ${Math.round(100 * busiest.utilisation)} %` : "";
  return `${hub}: ×${significant(value)} [×${significant(low)}, ×${significant(high)}] of ${over}${busy}`;
}

function projectionText({ hub, tasksPerSec, saturates }: ProjectedSize): string {
  const { value, low, high, unit } = tasksPerSec;
  const range = `${significant(value)} [${significant(low)}, ${significant(high)}] ${unit}`;
  return `${hub}: ${range}, then ${saturates} saturates (projected: utilisation law, see model error)`;
}

function rolesText({ roles, next }: Bottleneck): string {
  const each = roles.map(
    ({ role, utilisation, ceiling }) =>
      `${role} ${Math.round(100 * utilisation.value)} % busy, used up at ${significant(ceiling.value)} [${significant(ceiling.low)}, ${significant(ceiling.high)}] ${ceiling.unit}`,
  );
  return `${each.join("; ")}${next === null ? "" : ` (projected; next after ${roles[0]?.role}: ${next})`}`;
}

function uslText(family: string, { lambda, alpha, beta, points, heldOutErrorPercent, birgeRatio, peakNodes }: UslFit): string {
  const range = ({ value, low, high }: { value: number; low: number; high: number }) =>
    `${value.toPrecision(2)} [${low.toPrecision(2)}, ${high.toPrecision(2)}]`;
  const peak = peakNodes === null ? "no peak" : `peak at ${significant(peakNodes)} nodes`;
  const scatter = birgeRatio === null ? "" : `; scatter ×${birgeRatio.toPrecision(2)} of what the intervals explain`;
  return `USL of ${family} over ${points} points: λ ${range(lambda)}, α ${range(alpha)}, β ${range(beta)}, ${peak}; ${significant(heldOutErrorPercent.mean)} % on held-out points, ${significant(heldOutErrorPercent.beyondLargest)} % beyond the largest${scatter}`;
}

function signed(percent: number): string {
  return `${percent < 0 ? "−" : "+"}${significant(Math.abs(percent))}`;
}
