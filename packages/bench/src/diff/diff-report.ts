/** A diff as plain text. */
import { significant } from "../decision/decision.ts";
import { estimateText, type Table } from "../report/summary.ts";
import { renderTable } from "../report/terminal.ts";
import type { MetricDiff, ResultDiff, RunName } from "./result-diff.ts";

export function renderDiff(diff: ResultDiff): string {
  const lines = [`A  ${runText(diff.a)}`, `B  ${runText(diff.b)}`, ""];
  if (diff.obstacles.length > 0) {
    const refused = diff.verdict === "not comparable";
    lines.push(refused ? "not comparable, since these differ:" : "COMPARED BY FORCE although these differ:");
    lines.push(...diff.obstacles.map(({ what, a, b }) => `  ${what}: ${a} | ${b}`), "");
    if (refused) return [...lines, "Measure both under the same conditions, or compare all the same with --force."].join("\n");
  }
  if (diff.metrics.length > 0) lines.push(...renderTable(tableOf(diff)), "");
  lines.push(...diff.left.map(({ hub, why }) => `left out: ${hub}, ${why}`));
  lines.push(...listed("only in A", diff.onlyInA), ...listed("only in B", diff.onlyInB));
  lines.push(...diff.explanations.map((explanation) => `why: ${explanation}`));
  lines.push(...diff.warnings.map((warning) => `note: ${warning}`));
  return [...lines, verdictLine(diff)].join("\n");
}

function tableOf({ metrics, margin }: ResultDiff): Table {
  return {
    caption: "B against A",
    head: ["hub", "metric", "A", "B", "B / A", "slowness", "at one speed", "answer"],
    rows: metrics.map(({ hub, metric, a, b, asMeasured, slowness, ratio, answer, worth }) => [
      hub,
      metric,
      estimateText(a),
      estimateText(b),
      ratioText(asMeasured),
      slowness ? `×${factor(slowness.value)}` : "–",
      slowness ? ratioText(ratio) : "–",
      worth === "same" ? answer : `${answer}: ${worth}`,
    ]),
    notes: [
      "slowness: what a fixed piece of work cost on the machine during B over during A, beside the hub's trials; at one speed: B / A with that taken out, from capacity and CPU.",
      `[low, high]: 95 % interval. A difference is named when it is beyond ${percent(margin)} and clear enough for ${metrics.length} comparisons at once (Holm).`,
    ],
  };
}

function verdictLine({ verdict, metrics }: ResultDiff): string {
  const named = metrics.filter(({ worth }) => worth !== "same").map(change);
  switch (verdict) {
    case "no difference":
      return `No difference: none of ${metrics.length} numbers differs by more than its interval allows.`;
    case "nothing to compare":
      return "Nothing to compare: no hub is valid and measured in both.";
    default:
      return `B is ${verdict}: ${named.join(", ")}.`;
  }
}

function change({ hub, metric, ratio }: MetricDiff): string {
  return `${hub} ${metric} ${ratioText(ratio)}`;
}

function ratioText({ value, low, high }: MetricDiff["ratio"]): string {
  return `×${factor(value)} [${factor(low)}, ${factor(high)}]`;
}

/** Near 1 two digits after the point are what a reader compares. */
function factor(value: number): string {
  return value < 10 ? value.toFixed(2) : significant(value);
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}

function listed(name: string, hubs: readonly string[]): string[] {
  return hubs.length > 0 ? [`${name}: ${hubs.join(", ")}`] : [];
}

function runText({ path, startedAt, commit }: RunName): string {
  return `${path}, ${startedAt.slice(0, 19)}, commit ${commit}`;
}
