/** What `bench run` and `bench search` print. */
import { significant } from "../decision/decision.ts";
import { estimateText, othersNotes } from "../report/summary.ts";
import { renderTable } from "../report/terminal.ts";
import type { HubResult, StoredTrial } from "../results/compare-result.ts";
import { protocolFaultsText } from "../results/history.ts";
import { QUANTITIES, type Quantity } from "./quantity.ts";

export interface OneHub {
  quantity?: Quantity;
  workload: string;
  slo: string;
  coresPerMachine: number | null;
  hub: HubResult;
}

export function renderOneHub({ quantity, workload, slo, coresPerMachine, hub }: OneHub): string {
  const lines: string[] = [];
  const unit = quantity && quantity !== "tasksPerSec" ? QUANTITIES[quantity].unit : "tasks/s";
  const trials = quantity && quantity !== "tasksPerSec" ? (hub.quantityTrials?.[quantity] ?? []) : hub.trials;
  if (quantity) {
    const found = hub.capacity[quantity];
    const note = hub.capacityNotes?.[quantity];
    lines.push(
      `${hub.id} at ${slo}: ${found ? `${estimateText(found)} ${unit}` : "no capacity found"}${note ? ` (${note})` : ""}`,
    );
  } else {
    lines.push(`${hub.id}, workload ${workload}, SLO ${slo}`);
  }
  lines.push(
    coresPerMachine === null || hub.id === "external"
      ? "without a CPU quota: the figures are of this machine as it is"
      : `each machine of the hub with ${coresPerMachine} of a core; the SLO's bound stretched likewise (slow motion)`,
    `durability ${hub.durability.required} required, ${hub.durability.verified} verified (${hub.durability.how})`,
    "",
    ...renderTable(trialTable(trials, unit)),
    ...othersNotes({ hubs: [{ ...hub, trials }] }),
    "",
  );
  const { history } = hub;
  const protocolFaults = protocolFaultsText(history.protocolFaults);
  for (const [role, cost] of Object.entries(hub.perTask)) {
    if (cost.cpuMs && !quantityIsHeld(quantity)) {
      const written = cost.bytesOut ? `, ${significant(cost.bytesOut.value / 1000)} KB written` : "";
      const switches = cost.contextSwitches ? `, ${significant(cost.contextSwitches.value)} context switches` : "";
      const rss = cost.rssMiB ? `, RSS ${significant(cost.rssMiB.value)} MiB` : "";
      lines.push(`${role}: ${estimateText(cost.cpuMs)} CPU-ms/task${written}${switches}${rss}`);
    }
  }
  lines.push(
    `history: ${history.acknowledged} acknowledged, ${history.completed} completed, ${history.deadLettered} dead letters; lost ${history.lost}, duplicated ${history.duplicated}, stale accepted ${history.staleAccepted}, not ended ${history.unfinished ?? 0}, not known ${history.unverified ?? 0}`,
    ...(protocolFaults === undefined ? [] : [`the hub broke the contract: ${protocolFaults}`]),
    ...hub.invalidReasons.map((reason) => `INVALID: ${reason}`),
    ...(hub.unknown ?? []).map((what) => `not known: ${what}`),
  );
  return lines.join("\n");
}

function quantityIsHeld(quantity: Quantity | undefined): boolean {
  return quantity !== undefined && quantity !== "tasksPerSec";
}

function trialTable(trials: readonly StoredTrial[], unit: string) {
  return {
    caption: "",
    head: [unit, "outcome", "response", "service", "done in time", "event loop", "generator CPU", "why"],
    rows: trials.map((trial) => [
      significant(trial.load),
      trial.outcome + (trial.endedEarly ? " (ended early)" : ""),
      millis(trial.observedMs ?? null),
      millis(trial.observedServiceMs ?? null),
      `${trial.completedInTime}/${trial.offered}`,
      typeof trial.loopUtilisation !== "number" ? "–" : `${Math.round(100 * trial.loopUtilisation)} %`,
      `${Math.round(100 * trial.generatorCpuShare)} %`,
      trial.reasons.join("; "),
    ]),
    notes: [
      "response: the SLO's quantile from the intended time, what a user waits; service: the same from the moment of sending.",
    ],
  };
}

function millis(value: number | null): string {
  return value === null ? "–" : `${significant(value)} ms`;
}
