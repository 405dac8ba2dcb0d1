/** `bench fleet --stubs N`: random fleets on real stubs over HTTP, beside the simulation of the same tasks. */
import { whole } from "@hubscale/fleet-model";
import type { Surroundings } from "../compare/compare-command.ts";
import { progressOn, silentProgress } from "../compare/progress.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { Table } from "../report/summary.ts";
import { renderTable } from "../report/terminal.ts";
import { fleetsOnStubs } from "./fleet-on-stubs.ts";
import { agreementOf, type StubAgreement } from "./stub-agreement.ts";
import { type StubFleet, fleetsForStubs } from "./stub-fleets.ts";
import { findPace } from "./stub-pace.ts";
import { STUBS_SCHEMA, type StubFleetsResult } from "./stub-fleets-schema.ts";

/** By so much simulation and stubs may differ. */
export const STUB_AGREEMENT = 0.1;
/** More would keep one program too busy to be on time. */
const AT_ONCE = 6;
/** Of the fleet's time: agents begin within half of it. */
const SETTLE_MS = 60_000;
/** Fewer leave the interval too wide to say anything. */
const TASKS_WANTED = 100;

export interface StubFleetsOptions {
  stubs: number;
  /** Undefined: found by trying. */
  timeScale: number | undefined;
  minutes: number;
  seed: number;
  json: boolean;
  progress: boolean;
}

export async function stubFleetsCommand(
  options: StubFleetsOptions,
  { stdout, stderr }: Pick<Surroundings, "stdout" | "stderr">,
): Promise<ExitCode> {
  const fleets = fleetsForStubs(options.stubs, options.seed);
  const progress = options.progress ? progressOn(stderr, () => performance.now()) : silentProgress;
  const stop = new AbortController();
  const onSignal = () => stop.abort(new Error("stopped"));
  process.once("SIGINT", onSignal);
  process.once("SIGTERM", onSignal);
  const groups: StubFleetsResult["groups"] = [];
  const groupCount = Math.ceil(fleets.length / AT_ONCE);
  try {
    for (let group = 0; group < groupCount; group++) {
      progress.at(group / groupCount, "looking for a pace at which the stubs are on time");
      const members = fleets.slice(group * AT_ONCE, (group + 1) * AT_ONCE);
      const realMs = (options.minutes * 60_000) / groupCount;
      const run = { members, realMs, timeScale: options.timeScale, seed: options.seed, signal: stop.signal };
      groups.push(
        await runGroup(run, (timeScale) =>
          progress.at((group + 0.3) / groupCount, `${members.length} fleets at ${timeScale} times real time`),
        ),
      );
      if (stop.signal.aborted) {
        progress.done();
        stderr.write("hubscale: stopped\n");
        return EXIT.error;
      }
    }
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  }
  progress.done();
  const result: StubFleetsResult = { schema: STUBS_SCHEMA, seed: options.seed, minutes: options.minutes, groups };
  stdout.write(options.json ? `${JSON.stringify(result)}\n` : `${renderTable(stubsTable(result)).join("\n")}\n`);
  return exitOf(groups.flatMap((group) => group.fleets));
}

interface GroupRun {
  members: readonly StubFleet[];
  realMs: number;
  timeScale: number | undefined;
  seed: number;
  signal: AbortSignal;
}

async function runGroup({ members, realMs, timeScale: asked, seed, signal }: GroupRun, at: (timeScale: number) => void) {
  const beganMs = performance.now();
  const timeScale = asked ?? (await findPace(members, { seed, signal })).timeScale;
  at(timeScale);
  const leftMs = Math.max(realMs / 2, realMs - (performance.now() - beganMs));
  const { times, lateMs } = await fleetsOnStubs(members, { seed, timeScale, settleMs: SETTLE_MS, realMs: leftMs, signal });
  if (signal.aborted) return { timeScale, lateMs, fleets: [] };
  const circumstances = { seed, settleMs: SETTLE_MS, timeScale, lateMs };
  return {
    timeScale,
    lateMs,
    fleets: members.flatMap((fleet, index) => {
      const onStubs = times[index];
      return onStubs ? [agreementOf(fleet, onStubs, circumstances)] : [];
    }),
  };
}

/** Inconclusive where a fleet had too few tasks to be told apart from anything. */
function exitOf(fleets: readonly StubAgreement[]): ExitCode {
  if (fleets.some(({ error }) => Math.abs(error.value) > STUB_AGREEMENT)) return EXIT.thresholdMissed;
  return fleets.some(({ tasks }) => tasks < TASKS_WANTED) ? EXIT.inconclusive : EXIT.ok;
}

export function stubsTable({ groups }: StubFleetsResult): Table {
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  const signed = (share: number) => `${share < 0 ? "" : "+"}${percent(share)}`;
  const fleets = groups.flatMap((group) => group.fleets);
  const within = fleets.filter(({ error }) => Math.abs(error.value) <= STUB_AGREEMENT).length;
  const few = fleets.filter(({ tasks }) => tasks < TASKS_WANTED);
  return {
    caption: "Simulation against stubs",
    head: [
      "fleet",
      "agents",
      "tasks",
      "stubs tasks/h",
      "simulated tasks/h",
      "error [95 %]",
      "of it lateness",
      "failed tasks",
      "time scale",
    ],
    rows: groups.flatMap(({ timeScale, fleets: members }) =>
      members.map(({ fleet, agents, tasks, failed, stubTasksPerHour, simulatedTasksPerHour, error, lateness }) => [
        String(fleet),
        String(agents),
        String(tasks),
        whole(stubTasksPerHour),
        whole(simulatedTasksPerHour),
        `${signed(error.value)} [${signed(error.low)}, ${signed(error.high)}]`,
        percent(lateness),
        `${failed.stubs}, simulated ${failed.simulated}`,
        `×${timeScale}`,
      ]),
    ),
    notes: [
      `${within} of ${fleets.length} fleets within ${STUB_AGREEMENT * 100} %.`,
      ...groups.map(
        ({ timeScale, lateMs }) =>
          `Real HTTP at ${timeScale} times real time; this program's timers ran ${lateMs.toFixed(2)} ms late on average, with whatever else this machine does.`,
      ),
      "The same tasks on both sides; the interval is from 20 batches of them. Lateness: waits of a task × how late × the scale, by arithmetic.",
      ...few.map(({ fleet, tasks }) => `Fleet ${fleet}: only ${tasks} tasks; more --minutes make the interval narrower.`),
    ],
  };
}
