/** What a reader of a ladder must know before believing it. Pure. */
import { significant } from "../decision/decision.ts";
import { ACHIEVED_SHARE } from "../measure/trial-judgement.ts";
import { slowedDiskNote } from "../report/summary.ts";
import type { LadderEffort } from "./ladder-effort.ts";
import type { Ladder, LadderResult } from "./ladder-result.ts";

type Facts = Pick<
  LadderResult,
  "slo" | "appliedBoundMs" | "arrivals" | "slowHubsAtOnce" | "hubsAtOnce" | "isolation" | "environment" | "ladders"
>;

export function notesFor(facts: Facts, { trials, name }: Pick<LadderEffort, "trials" | "name">): string[] {
  const { ladders, isolation, environment } = facts;
  const floorMs = environment["fsyncFloorMs"];
  return [
    ...(floorMs === undefined ? [] : [slowedDiskNote(floorMs)]),
    `SHORT TRIALS at effort ${name}: about ${trials.trialsPerHub} a rung, ${trials.trialMs / 1000} s each (a slow hub's ${(2 * trials.trialMs) / 1000} s). [low, high] is a 95 % interval; where those of two rungs overlap, their order is chance. "told apart: no" means: not by this run.`,
    `Capacity: the load that a trial as likely bears as not: ${facts.slo}, ${ACHIEVED_SHARE * 100} % done in time, no growing backlog, all done and the hub's CPU quiet soon after the load ends, so that scheduling passes put off (C10) count. In a short trial a hub can still borrow about its bound's worth of time, which flatters slow rungs more than fast ones; CPU-ms/task, which counts what is done after the load too, does not have that fault.`,
    "The gains are of one fix alone: a cost that hides behind a larger one shows no gain before that one is mended, and then shows in the sum.",
    ...isolationNote(facts),
    ...(isolation.coresPerMachine !== null
      ? ["The disk was not slowed down by the quota, so costs of waiting for it (C1, C6) weigh less here than on a full core."]
      : []),
    facts.arrivals === "constant"
      ? "Arrivals at constant intervals: with random ones a short trial tells the luck of the arrivals. Real arrivals come in bursts; a hub then bears less."
      : "Arrivals at random (Poisson).",
    ...controlNotes(ladders),
    ...ceilingNotes(ladders),
  ];
}

function isolationNote({ isolation, hubsAtOnce, slowHubsAtOnce, appliedBoundMs }: Facts): string[] {
  const { coresPerMachine, how } = isolation;
  if (coresPerMachine === null)
    return [`No CPU quota (${how}): each hub shared the machine with its generator, one hub at a time.`];
  const together =
    hubsAtOnce > 1 ? `, ${slowHubsAtOnce} hubs at a time with at most one fix or little load, else ${hubsAtOnce}` : "";
  return [
    `Each hub had ${coresPerMachine} of a core (${how})${together}: a slow motion in which the SLO's bound is stretched to ${Math.round(appliedBoundMs)} ms. Compare the rungs; do not quote the capacities for a whole core.`,
  ];
}

/** How far two measurements of the same hub in this run lie apart. */
function controlNotes(ladders: readonly Ladder[]): string[] {
  return ladders.flatMap(({ condition, rungs }) => {
    const control = rungs.find((rung) => rung.kind === "control");
    if (!control?.ratio) return [];
    const { value, low, high } = control.ratio;
    const doubt = control.toldApart.byCapacity
      ? " Something else changed during this run: believe no smaller difference than this one."
      : "";
    return [
      `The reference measured again at the end (${condition.workload}): ×${significant(value)} [${significant(low)}, ${significant(high)}] of its first capacity; 1 would be no drift.${doubt}`,
    ];
  });
}

function ceilingNotes(ladders: readonly Ladder[]): string[] {
  return ladders.flatMap(({ condition, rungs }) => {
    const { agents, agentsCeilingPerSec, workload } = condition;
    if (agentsCeilingPerSec === null || !rungs.some((rung) => rung.atAgentsCeiling)) return [];
    return [
      `agents' limit (${workload}): at ${significant(agentsCeilingPerSec)} tasks/s all ${agents} agents work all the time. A rung that comes near it may bear more than these agents can ask of it.`,
    ];
  });
}
