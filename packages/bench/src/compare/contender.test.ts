import { expect, test } from "vitest";
import { seededRandom } from "../measure/estimate.ts";
import { parseSlo, type Slo } from "../measure/slo.ts";
import type { History } from "../results/compare-result.ts";
import { Contender, type LoadGenerator, type MeasuredHub, type MeasuredTrial, type Point } from "./contender.ts";
import { hubResultOf } from "./hub-result.ts";

/** A hub that is an equation: it bears `capacity` tasks/s at `cpuMsPerTask`, on a clock that only moves when told. */
class ModelHub implements MeasuredHub, LoadGenerator {
  readonly id = "model";
  readonly machines = { hubNodes: 1, backboneServers: 0 };
  readonly capacity: number;
  readonly cpuMsPerTask: number;
  timeMs = 0;
  hubSeconds = 0;
  /** CPU seconds that are still to be burnt: work accepted and put off. */
  debtSeconds = 0;
  debtPerTask = 0;
  owedPerTask = 0;
  fault: Partial<History> = {};
  generatorShare = 0.2;
  /** That it costs the hub to tell of itself. */
  lookSeconds = 0;
  rowsReadPerTask = 0;
  /** Cores that others keep busy on the same machine. */
  othersCores = 0;

  constructor(capacity: number, cpuMsPerTask: number) {
    this.capacity = capacity;
    this.cpuMsPerTask = cpuMsPerTask;
  }
  nowMs = () => this.timeMs;
  sleep = async (ms: number) => {
    this.timeMs += ms;
    const burnt = Math.min(this.debtSeconds, ms / 1000);
    this.debtSeconds -= burnt;
    this.hubSeconds += burnt;
  };
  cpuSecondsByRole = async () => ({ hub: this.hubSeconds });
  countResources = async () => async () => ({});
  lookInside = async () => {
    this.hubSeconds += this.lookSeconds;
    return {
      counters: { fsyncs: this.hubSeconds * 10, rowsRead: this.rowsReadPerTask * this.tasks },
      owed: Math.round(this.owedPerTask * this.tasks),
      loops: [],
    };
  };
  machine = {
    cpuSeconds: () => this.hubSeconds + (this.othersCores * this.timeMs) / 1000,
    startSpeedometer: () => () => 1,
  };
  describe = async () => ({});
  cpuSeconds = async () => 0;
  close = async () => ({
    history: { ...history(this.tasks), ...this.fault },
    offending: this.fault.lost ? ["task-0000000000000001"] : [],
  });
  tasks = 0;
  async probe() {
    this.tasks += 10;
    return { rate: this.capacity * 2, paid: 10, drainMs: 0 };
  }
  async trial(plan: { load: number; durationMs: number }): Promise<MeasuredTrial> {
    const offered = Math.round((plan.load * plan.durationMs) / 1000);
    this.tasks += offered;
    this.timeMs += plan.durationMs;
    this.hubSeconds += (offered * this.cpuMsPerTask) / 1000;
    this.debtSeconds += offered * this.debtPerTask;
    const holds = plan.load <= this.capacity;
    const stage = { p50: holds ? 5 : 300, p99: holds ? 20 : 900 };
    return {
      durationMs: plan.durationMs,
      offered,
      acknowledged: offered,
      unacknowledged: 0,
      completedInTime: holds ? offered : Math.floor(offered * 0.9),
      completed: offered,
      latencyMs: { assign: stage, submit: stage, complete: stage },
      serviceMs: { assign: stage },
      histograms: null,
      endedEarly: false,
      backlog: [],
      drained: true,
      drainMs: 10,
      checked: { history: history(offered), offending: [], unfinished: 0 },
      generator: { cpuShare: this.generatorShare, scheduleLagMsP99: 1, loopDelayMsP99: 1 },
    };
  }
}

function history(n: number): History {
  return { submitted: n, acknowledged: n, completed: n, deadLettered: 0, lost: 0, duplicated: 0, staleAccepted: 0 };
}

function contenderOf(hub: ModelHub, goalHalfWidth = 0.05): Contender {
  return new Contender({
    hub,
    generator: hub,
    slo: parseSlo("assign.p99 < 100ms") as Slo,
    trialMs: 2000,
    warmupMs: 0,
    probeMs: 1000,
    goalHalfWidth,
    trialsPerHub: 16,
    unit: "tasks/s",
    leastPerTrial: 100,
    completedRows: 1_000,
    maxLoad: 10_000,
    probeInFlight: 5,
    coresByRole: { hub: 1 },
    quietShare: 0.1,
    machine: hub.machine,
    seed: 1,
    nowMs: hub.nowMs,
    sleep: hub.sleep,
  });
}

async function measured(hub: ModelHub, machineCpus?: number) {
  const contender = contenderOf(hub);
  await contender.probe();
  while (!contender.finished) await contender.trial();
  const durability = { required: "fsync", verified: "fsync", how: "" };
  return hubResultOf(
    contender,
    { durability, describe: null, checked: await contender.finish(), coresPerMachine: 1, ...(machineCpus && { machineCpus }) },
    seededRandom(1),
  );
}

test("finds the capacity and the CPU per task of a hub that it knows nothing about", async () => {
  const result = await measured(new ModelHub(500, 1.5));
  expect(result.valid).toBe(true);
  expect(result.capacity.tasksPerSec?.low).toBeLessThan(500);
  expect(result.capacity.tasksPerSec?.high).toBeGreaterThan(500);
  expect(result.capacity.tasksPerSec?.value).toBeGreaterThan(450);
  expect(result.perTask["hub"]?.cpuMs?.value).toBeCloseTo(1.5, 5);
  expect(result.perTask["hub"]?.fsyncs?.value).toBeCloseTo(0.015, 5);
  expect(result.bound).toMatchObject({ role: "hub" });
});

test("a hub gains by more trials until its interval is at the goal, it has had twice its share, or a trial of it has a dozen tasks", async () => {
  const searched = async (hub: ModelHub, goalHalfWidth: number) => {
    const contender = contenderOf(hub, goalHalfWidth);
    await contender.probe();
    while (!contender.finished) await contender.trial();
    const { length } = contender.trials;
    const gained = contender.wouldGainByMore;
    while (contender.wouldGainByMore) await contender.trial();
    return { length, gained, all: contender.trials.length, fewPerTrial: contender.fewPerTrial };
  };
  expect(await searched(new ModelHub(500, 1.5), 0.15)).toMatchObject({ gained: false, fewPerTrial: null });
  expect(await searched(new ModelHub(500, 1.5), 0)).toEqual({ length: 16, gained: true, all: 32, fewPerTrial: null });
  const slow = await searched(new ModelHub(4, 100), 0);
  expect(slow).toMatchObject({ gained: false, all: slow.length });
  // Four a second for at most twice two seconds.
  expect(slow.fewPerTrial).toBeGreaterThan(12);
  expect(slow.fewPerTrial).toBeLessThan(20);
});

test("a search ends when the table that is read for every task has grown by a fifth, and goes on where none is", async () => {
  const trialsOf = async (rowsReadPerTask: number) => {
    const hub = new ModelHub(10, 50);
    hub.rowsReadPerTask = rowsReadPerTask;
    const contender = contenderOf(hub);
    await contender.probe();
    while (!contender.finished) await contender.trial();
    return { trials: contender.trials.length, outgrown: contender.hasOutgrownItsTable };
  };
  const scanning = await trialsOf(4_000);
  expect(scanning.outgrown).toBe(true);
  expect(scanning.trials).toBeLessThan(10);
  expect(await trialsOf(3)).toMatchObject({ outgrown: false, trials: 16 });
});

test("what it costs a hub to be asked about itself is not charged to its tasks", async () => {
  const hub = new ModelHub(500, 1.5);
  hub.lookSeconds = 0.3;
  const { perTask } = await measured(hub);
  expect(perTask["hub"]?.cpuMs?.value).toBeCloseTo(1.5, 1);
});

test("what other programs use of the machine is told for each trial", async () => {
  const hub = new ModelHub(500, 1.5);
  hub.othersCores = 0.6;
  const contender = contenderOf(hub);
  await contender.probe();
  const { othersCores } = await contender.trial();
  expect(othersCores).toBeCloseTo(0.6, 6);
});

test("a hub whose machine was full of other programs is invalid, one that had room is not", async () => {
  // Half a core of the hub's at its capacity, and a quota of a whole one.
  const [crowded, roomy] = [new ModelHub(500, 1), new ModelHub(500, 1)];
  crowded.othersCores = 1.3;
  roomy.othersCores = 0.3;
  const { valid, invalidReasons } = await measured(crowded, 2);
  expect(valid).toBe(false);
  expect(invalidReasons[0]).toMatch(/the machine's 2 cores were full: 1\.00 were promised .* 1\.30 to other programs/);
  expect(await measured(roomy, 2)).toMatchObject({ valid: true, invalidReasons: [] });
});

test("a hub that defers its work is over its knee although its bursts look fast", async () => {
  const eager = await measured(new ModelHub(500, 1));
  const deferring = new ModelHub(500, 1);
  deferring.debtPerTask = 0.01;
  const result = await measured(deferring);
  expect(result.capacity.tasksPerSec?.value).toBeLessThan((eager.capacity.tasksPerSec?.value ?? 0) * 0.7);
  expect(result.trials.some((trial) => trial.reasons.join().includes("debt"))).toBe(true);
});

test("a hub that says itself that passes are waiting has not paid, however quiet its processes are", async () => {
  const hub = new ModelHub(500, 1);
  hub.owedPerTask = 1;
  const result = await measured(hub);
  expect(result.trials.every((trial) => trial.outcome === "missed")).toBe(true);
  expect(result.trials[0]?.reasons.join()).toMatch(/passes or changes still waiting/);
});

test.each<[keyof History, RegExp]>([
  ["lost", /1 acknowledged tasks were lost|acknowledged tasks were lost/],
  ["duplicated", /completed more than once/],
  ["staleAccepted", /stale completions were accepted/],
])("one task %s makes the hub invalid, however fast it is", async (fault, reason) => {
  const hub = new ModelHub(500, 1);
  hub.fault = { [fault]: 1 };
  const result = await measured(hub);
  expect(result.valid).toBe(false);
  expect(result.invalidReasons.join()).toMatch(reason);
});

test("a starved generator makes the hub's result invalid instead of low", async () => {
  const hub = new ModelHub(500, 1);
  hub.generatorShare = 0.99;
  const result = await measured(hub);
  expect(result.valid).toBe(false);
  expect(result.capacity.tasksPerSec).toBeNull();
  expect(result.invalidReasons.join()).toMatch(/spoilt by the load generator/);
});

test("a search that takes up the trials of an interrupted one goes on as if it had never stopped", async () => {
  const whole = contenderOf(new ModelHub(500, 1));
  await whole.probe();
  const points: Point[] = [];
  for (let i = 0; i < 5; i++) {
    await whole.trial();
    points.push(whole.lastPoint as Point);
  }
  // The second start finds another order of magnitude, and must not use it.
  const second = new ModelHub(500, 3);
  const resumed = contenderOf(second);
  await resumed.probe();
  resumed.takeUp(structuredClone(points));
  expect(resumed.search?.estimate()).toEqual(whole.search?.estimate());
  expect(resumed.trials).toEqual(whole.trials);
  expect((await resumed.trial()).load).toBe((await whole.trial()).load);
  // Every task is in the history once: those of the five kept trials, and the second start's probe and trial.
  const kept = points.reduce((sum, { checked }) => sum + (checked?.history.submitted ?? 0), 0);
  expect((await resumed.finish()).history.submitted).toBe(kept + second.tasks);
});

test("a fault that an earlier start saw is not forgotten", async () => {
  const first = contenderOf(new ModelHub(500, 1));
  await first.probe();
  await first.trial();
  const point = first.lastPoint as Point;
  const faulty = { ...point, checked: { history: { ...history(9), lost: 1 }, offending: ["task-1"], unfinished: 0 } };
  const resumed = contenderOf(new ModelHub(500, 1));
  await resumed.probe();
  resumed.takeUp([faulty]);
  expect(await resumed.finish()).toMatchObject({ history: { lost: 1 }, offending: ["task-1"] });
});
