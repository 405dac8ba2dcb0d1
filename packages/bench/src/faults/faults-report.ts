/** Fault runs as text: one line for each run, a table for all. */
import type { Estimate } from "../measure/estimate.ts";
import type { Table } from "../page/markup.ts";
import { renderTable } from "../report/terminal.ts";
import { faultInWords, PLAIN_KINDS } from "./fault-plan.ts";
import { type FaultRun, WORK } from "./fault-run.ts";
import type { FaultEffect, FaultsResult, HubFaults } from "./faults-result.ts";

export function runLine({ hub, seed, faults, history, tasksDelayed, waited, broken }: FaultRun): string {
  const struck = faults.map(({ atMs, fault, recoverySeconds }) => {
    const recovered = recoverySeconds === null ? "no recovery" : `recovered in ${recoverySeconds.toFixed(1)} s`;
    return `${(atMs / 1_000).toFixed(1)} s ${faultInWords(fault)} (${recovered})`;
  });
  const verdict = broken.length > 0 ? `BROKEN: ${broken.join("; ")}` : "none lost, none twice";
  const reasons = Object.values(waited);
  const waiting =
    reasons.length > 0 ? `, ${reasons.length} waited for a timeout of the reference (${[...new Set(reasons)].join(", ")})` : "";
  return `${hub}  seed ${seed}  ${struck.join(", ")}: ${history.acknowledged} tasks, ${verdict}, ${tasksDelayed} delayed${waiting}`;
}

const EFFECT_HEAD = ["faults", "noticed s", "recovery s", "tasks delayed"];

/** How to have the failing run again. */
export function reproduction({ hub, seed, plan }: FaultRun, { durability, work, kinds }: FaultsResult): string {
  const series = [
    ...(kinds.join() === PLAIN_KINDS.join() ? [] : [`--kinds ${kinds.join(",")}`]),
    ...(durability === "fsync" ? [] : [`--durability ${durability}`]),
    ...(work.ratePerSec === WORK.ratePerSec ? [] : [`--rate ${work.ratePerSec}`]),
  ];
  return [`pnpm bench faults --hubs ${hub} --seed ${seed} --runs 1 --lease-ms ${plan.leaseMs}`, ...series].join(" ");
}

export function renderFaults(result: FaultsResult): string {
  return faultTables(result)
    .map((table) => renderTable(table).join("\n"))
    .join("\n\n");
}

/** All faults of each hub; then each kind by itself, where there is one. */
export function faultTables({ hubs, delayedMs, leaseMs, work, durability }: FaultsResult): Table[] {
  const seeds = (hub: HubFaults) => `${hub.seeds.first}-${hub.seeds.last}`;
  const effect = ({ faults, noticedSeconds, recoverySeconds, tasksDelayed }: FaultEffect) => [
    String(faults),
    interval(noticedSeconds, 2),
    interval(recoverySeconds, 1),
    interval(tasksDelayed, 0),
  ];
  const table = {
    caption: "Hubs under fault",
    head: ["hub", "runs", "seeds", "tasks", "lost", "twice", "stale", "stuck", ...EFFECT_HEAD],
    rows: hubs.map((hub) => [
      hub.hub,
      String(hub.runs),
      seeds(hub),
      ...[hub.acknowledged, hub.lost, hub.duplicated, hub.staleAccepted + hub.generationFaults, hub.unfinished].map(String),
      ...effect(hub.all),
    ]),
    notes: [
      "Noticed: from the fault's begin until the first client's connection ended, or its submission failed or got a 503; of the faults that a client noticed.",
      `Recovery: from the fault's begin (its own length is in it) until new tasks are acknowledged and done and none of before is open; median [95 %].`,
      ...hubs.flatMap(({ hub, waited }) => (waited > 0 ? [waitedNote(hub, waited)] : [])),
      `Delayed: over ${delayedMs / 1_000} s longer than its work. ${work.agents} agents, ${work.ratePerSec} tasks/s, lease ${leaseMs / 1_000} s, every store at ${durability}.`,
    ],
  };
  const byKind = {
    caption: "By fault",
    head: ["hub", "fault alone", ...EFFECT_HEAD],
    rows: hubs.flatMap((hub) => hub.byKind.map((kind) => [hub.hub, kind.kind, ...effect(kind)])),
    notes: [],
  };
  return byKind.rows.length > 0 ? [table, byKind] : [table];
}

function waitedNote(hub: string, waited: number): string {
  return `${hub}: ${waited} ${waited === 1 ? "task" : "tasks"} waited for a timeout of the reference, and ended within 120 s of the end of the load; they are in no other count.`;
}

/** The hubs whose recovery misses the bound, in words: what counts is the end of the interval that is nearer to failing. */
export function tooSlow(hubs: readonly HubFaults[], maxSeconds: number): string[] {
  return hubs.flatMap(({ hub, all: { recoverySeconds, notRecovered } }) => {
    const allowed = `at most ${maxSeconds} s were allowed`;
    if (notRecovered > 0) return [`${hub}: ${notRecovered} faults were not recovered from; ${allowed}`];
    if (!recoverySeconds || recoverySeconds.high <= maxSeconds) return [];
    const unsure = recoverySeconds.value <= maxSeconds ? ": the median would do, its interval does not; more runs may" : "";
    return [`${hub}: recovered in ${interval(recoverySeconds, 1)} s, ${allowed}${unsure}`];
  });
}

function interval(estimate: Estimate | null, digits: number): string {
  if (!estimate) return "–";
  const { value, low, high } = estimate;
  return `${value.toFixed(digits)} [${low.toFixed(digits)}, ${high.toFixed(digits)}]`;
}
