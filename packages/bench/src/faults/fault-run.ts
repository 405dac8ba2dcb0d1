/** One plan carried out on one hub at work: what became of the tasks, and how long the hub took to be itself again. */
import { randomBytes } from "node:crypto";
import type { HistoryVerdict } from "../load/history-check.ts";
import { type FaultPlan, lengthMs, type PlannedFault } from "./fault-plan.ts";
import type { HubUnderFault } from "./hub-under-fault.ts";
import type { WaitedFor } from "./reference-timeouts.ts";
import { type Recovery, SteadyWork } from "./steady-work.ts";
import type { TaskAccount } from "./task-log.ts";
import type { Timeline } from "./timeline.ts";

export interface FaultWork {
  agents: number;
  /** Tasks a second. */
  ratePerSec: number;
  workMs: number;
}

/** A little over half of the agents are busy at any time, so that each node holds tasks when something happens to it. */
export const WORK: FaultWork = { agents: 30, ratePerSec: 60, workMs: 330 };
/** Tasks that are done before anything happens; at a low rate those of a second. */
const UNDER_WAY = 30;
/** A task is delayed when it took this much longer than its work: more than any hub needs that nothing happens to. */
export const DELAYED_MS = 1_000;
/** After the end of the plan's last fault, which may undo what was recovered from an earlier one; a hub that needs longer has not recovered. */
const RECOVER_WITHIN_MS = 30_000;

export interface StruckFault extends PlannedFault {
  /** Since the fault's begin, so its own length is in it; null: not within 30 s after the end of all. */
  recovery: Recovery | null;
  /** The longest of the three times of `recovery`. */
  recoverySeconds: number | null;
  /**
   * Until the first client noticed: its connection ended, its submission failed or was put off (503). Null: none did before all was
   * well again, or before the fault was over where it was never well. With several faults it may be another's doing.
   */
  noticedSeconds: number | null;
  /** Tasks that were under way between the fault's begin and the recovery, and took too long. */
  tasksDelayed: number;
}

export interface FaultRun {
  hub: string;
  seed: number;
  plan: FaultPlan;
  history: HistoryVerdict;
  faults: StruckFault[];
  tasksDelayed: number;
  /** From the moment at which the work was under way, as the plan's times are. */
  timeline: Timeline;
  /** Submissions that were asked for patience (503), and those that got no answer and were sent again, each time counted. */
  postponed: number;
  repeated: number;
  /** Submissions that ended without anybody knowing whether the hub has the task. */
  unknown: number;
  /** What went wrong with submissions otherwise, each time counted, by status or error. */
  complaints: Record<string, number>;
  /** By id, tasks that a timeout of the reference ended, later than 30 s and within 120 s. */
  waited: Record<string, WaitedFor>;
  reconnects: number;
  /** What agents that came back with a task were told. */
  continued: number;
  aborted: number;
  /** What the clients saw of each task that a guarantee did not hold for; milliseconds since the work was under way, as in the plan. */
  accounts: Record<string, TaskAccount>;
  /** The guarantees that did not hold, in words; empty: all did. */
  broken: string[];
}

export async function carryOut(plan: FaultPlan, hub: HubUnderFault, load: FaultWork): Promise<FaultRun> {
  const { ws, http } = hub.door;
  const prefix = `f-${randomBytes(3).toString("hex")}`;
  const work = await SteadyWork.start({ ws: [ws], http: [http], seed: plan.seed, prefix, timeouts: hub.timeouts, ...load });
  await work.until("the first tasks done", () => work.completed > Math.min(UNDER_WAY, load.ratePerSec));
  const startMs = work.nowMs();
  const overMs = startMs + Math.max(...plan.faults.map(({ atMs, fault }) => atMs + lengthMs(fault)));
  const struck = await Promise.all(
    plan.faults.map(async (planned) => {
      await work.generator.until(startMs + planned.atMs);
      return { planned, ...(await strike(planned, { work, hub, overMs })) };
    }),
  );
  const areBack = await cameBack(work, load.agents);
  const endMs = work.nowMs();
  const end = await work.stop();
  const limitMs = load.workMs + DELAYED_MS;
  const faults = struck.map(({ planned, beganMs, recovery }): StruckFault => {
    const recoveryMs = recovery && Math.max(recovery.acknowledgedMs, recovery.completedMs, recovery.caughtUpMs);
    const untilMs = recoveryMs === null ? endMs : beganMs + recoveryMs;
    const { atMs, fault } = planned;
    const noticedMs = work.noticed(beganMs, recoveryMs ?? lengthMs(fault));
    return {
      atMs,
      fault,
      recovery,
      recoverySeconds: recoveryMs === null ? null : recoveryMs / 1_000,
      noticedSeconds: noticedMs === null ? null : noticedMs / 1_000,
      tasksDelayed: work.slowerThan(limitMs, { fromMs: beganMs, untilMs }),
    };
  });
  const { history, disconnected, accounts, late, ...rest } = end;
  return {
    hub: hub.id,
    seed: plan.seed,
    plan,
    history,
    faults,
    tasksDelayed: work.slowerThan(limitMs, { fromMs: startMs, untilMs: work.nowMs() }),
    timeline: work.timeline(startMs),
    reconnects: disconnected,
    ...rest,
    accounts: Object.fromEntries(
      Object.entries(accounts).map(([taskId, account]) => [
        taskId,
        account.map(({ atMs, event }) => ({ atMs: Math.round(atMs - startMs), event })),
      ]),
    ),
    broken: brokenBy({ history, faults, areBack, late, unknown: end.unknown }),
  };
}

async function strike(
  { fault }: PlannedFault,
  { work, hub, overMs }: { work: SteadyWork; hub: HubUnderFault; overMs: number },
): Promise<{ beganMs: number; recovery: Recovery | null }> {
  let beganMs = 0;
  let recovering: Promise<Recovery | null> | undefined;
  await hub.strike(fault, () => {
    beganMs = work.nowMs();
    // A hub that does not recover is a finding, and the run goes on to see what became of its tasks.
    recovering = work
      .recovered(beganMs, Math.max(beganMs + lengthMs(fault), overMs) - beganMs + RECOVER_WITHIN_MS)
      .catch(() => null);
  });
  return { beganMs, recovery: (await recovering) ?? null };
}

/** Whether all agents have found a node again. */
async function cameBack(work: SteadyWork, agents: number): Promise<boolean> {
  const limitMs = work.nowMs() + RECOVER_WITHIN_MS;
  const isBack = () => work.generator.fleet.online === agents;
  while (!isBack() && work.nowMs() < limitMs) await work.generator.until(work.nowMs() + 20);
  return isBack();
}

function brokenBy({
  history,
  faults,
  areBack,
  late,
  unknown,
}: {
  history: HistoryVerdict;
  faults: readonly StruckFault[];
  areBack: boolean;
  late: readonly string[];
  unknown: number;
}): string[] {
  // Each submission had a key, and was sent until it was answered: what nobody knows of belongs to those that were not.
  const unasked = Math.max(0, history.executedUnacknowledged - unknown);
  const { offenders } = history;
  const of = (count: number, what: string, tasks: readonly string[]) =>
    count > 0 ? [`${count} ${what} (${tasks.slice(0, 3).join(", ")})`] : [];
  return [
    ...of(history.lost, "lost", offenders.lost),
    ...of(history.duplicated, "ended twice", offenders.duplicated),
    ...of(history.staleAccepted, "with a stale outcome accepted", offenders.staleAccepted),
    ...of(history.generationFaults, "with generations that did not rise", offenders.generationFaults),
    ...of(history.unfinished, "never ended", offenders.unfinished),
    ...of(history.unverified, "that the hub could not be asked about", offenders.unverified),
    ...of(late.length, "ended late, and by no timeout of the reference", late),
    ...(unasked > 0 ? [`${unasked} done of which no submission was answered: a key made two tasks`] : []),
    ...(faults.some(({ recovery }) => recovery === null) ? ["no recovery within 30 s of the end of the faults"] : []),
    ...(areBack ? [] : ["agents that did not come back within 30 s"]),
  ];
}
