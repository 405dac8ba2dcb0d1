import { describe, expect, it } from "vitest";
import type { Fault } from "./fault-plan.ts";
import type { FaultRun } from "./fault-run.ts";
import { slowestAlone } from "./faults-page.ts";
import { runLine, tooSlow } from "./faults-report.ts";
import { summarised } from "./faults-result.ts";
import { TaskLog } from "./task-log.ts";

const NOTHING_WRONG = { lost: 0, duplicated: 0, staleAccepted: 0, generationFaults: 0, unfinished: 0 };
const CUT: Fault = { kind: "reconnect-storm" };
const KILL: Fault = { kind: "kill-node", node: 0, downMs: 500 };

/** A run with these faults, each recovered from after so many seconds. */
function run(seed: number, faults: [fault: Fault, recoverySeconds: number | null, noticedSeconds?: number][]): FaultRun {
  return {
    hub: "single-tuned",
    seed,
    plan: { seed, leaseMs: 1_500, kinds: [], faults: [] },
    history: { acknowledged: 100, ...NOTHING_WRONG } as FaultRun["history"],
    faults: faults.map(([fault, recoverySeconds, noticedSeconds = null]) => ({
      atMs: 0,
      fault,
      recovery: recoverySeconds === null ? null : { acknowledgedMs: 1, completedMs: 1, caughtUpMs: 1_000 * recoverySeconds },
      recoverySeconds,
      noticedSeconds,
      tasksDelayed: 1,
    })),
    tasksDelayed: 1,
    timeline: { stepMs: 250, acknowledged: [], ended: [] },
    postponed: 0,
    repeated: 0,
    unknown: 0,
    complaints: {},
    waited: {},
    reconnects: 0,
    continued: 0,
    aborted: 0,
    accounts: {},
    broken: [],
  };
}

describe("a series of fault runs", () => {
  it("counts what happened alone by kind, and who noticed only where somebody did", () => {
    const [hub] = summarised([
      run(1, [[CUT, 1, 0.2]]),
      run(2, [[CUT, 3]]),
      run(3, [
        [CUT, 9],
        [KILL, 9],
      ]),
    ]);
    expect(hub).toMatchObject({ runs: 3, faults: 4, seeds: { first: 1, last: 3 } });
    expect(hub?.byKind.map(({ kind, faults }) => `${kind} ${faults}`)).toEqual(["reconnect-storm 2"]);
    expect(hub?.all.noticedSeconds).toMatchObject({ value: 0.2 });
  });

  it("is too slow by the end of the interval that is nearer to failing, or by a fault without a recovery", () => {
    const quick = summarised(Array.from({ length: 20 }, (_, seed) => run(seed, [[CUT, 1]])));
    expect(tooSlow(quick, 1)).toEqual([]);
    const mixed = summarised(Array.from({ length: 8 }, (_, seed) => run(seed, [[CUT, seed < 5 ? 1 : 5]])));
    expect(tooSlow(mixed, 2)).toEqual([expect.stringMatching(/^single-tuned: recovered in 1\.0 .*the median would do/)]);
    expect(tooSlow(mixed, 5)).toEqual([]);
    expect(tooSlow(summarised([run(1, [[CUT, null]])]), 60)).toEqual([
      expect.stringMatching(/1 faults were not recovered from/),
    ]);
  });

  it("counts tasks that waited for a timeout of the reference apart", () => {
    const waiting = { ...run(1, [[KILL, 2]]), waited: { "task-1": "stuck", "task-2": "stuck" } } satisfies FaultRun;
    const [hub] = summarised([waiting, run(2, [[CUT, 1]])]);
    expect(hub).toMatchObject({ waited: 2, unfinished: 0, brokenSeeds: [] });
    expect(runLine(waiting)).toMatch(/none lost, none twice, 1 delayed, 2 waited for a timeout of the reference \(stuck\)$/);
  });

  it("draws the slowest recovery from each kind that came alone", () => {
    const runs = [
      run(1, [[CUT, 1]]),
      run(2, [[CUT, 3]]),
      run(3, [[KILL, 2]]),
      run(4, [
        [KILL, 9],
        [CUT, 9],
      ]),
    ];
    expect(slowestAlone(runs).map(({ seed }) => seed)).toEqual([3, 2]);
  });
});

describe("the account of a task", () => {
  it("has its own events, and those of the connections of whoever was given it", () => {
    const log = new TaskLog();
    log.note(1, { type: "identified", agent: 7, atMs: 1 });
    log.note(2, { type: "acknowledged", taskId: "a" });
    log.note(3, { type: "assigned", taskId: "a", generation: 1, agent: 7, atMs: 3 });
    log.note(4, { type: "assigned", taskId: "b", generation: 1, agent: 7, atMs: 4 });
    log.note(5, { type: "disconnected", reason: "closed 1006", agent: 8, atMs: 5 });
    expect(log.accountOf("a")).toEqual([
      { atMs: 1, event: { type: "identified", agent: 7 } },
      { atMs: 2, event: { type: "acknowledged", taskId: "a" } },
      { atMs: 3, event: { type: "assigned", taskId: "a", generation: 1, agent: 7 } },
    ]);
  });
});
