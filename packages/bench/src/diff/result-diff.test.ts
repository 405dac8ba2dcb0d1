import { standardNormal } from "@hubscale/sidecar-sim";
import { describe, expect, it, test } from "vitest";
import { CapacitySearch } from "../measure/capacity-search.ts";
import { medianEstimate, ratioEstimate, seededRandom, spreadEstimate } from "../measure/estimate.ts";
import { COMPARE_SCHEMA, type CompareResult, type HubResult, type TrialSummary } from "../results/compare-result.ts";
import { renderDiff } from "./diff-report.ts";
import { exitCodeOf } from "./diff-command.ts";
import { diffOf, type ResultDiff } from "./result-diff.ts";

// Hundreds of resampled comparisons each: seconds on a busy machine.
const SLOW = { timeout: 30_000 };

interface Truth {
  tasksPerSec: number;
  cpuMs: number;
}

/**
 * One hub as a comparison would measure it: the real search over trials that are noisy (4 % in the load that it bears, 4 % flukes)
 * and CPU per task with 3 % noise.
 */
function measuredHub({ tasksPerSec, cpuMs }: Truth, seed: number, id = "single-tuned"): HubResult {
  const random = seededRandom(seed, 77);
  const search = new CapacitySearch({ guess: tasksPerSec * (0.6 + random()), maxLoad: 1e6, unit: "tasks/s" });
  const costs: { numerator: number; denominator: number }[] = [];
  const p99s: number[] = [];
  for (let i = 0; i < 14; i++) {
    const load = search.nextLoad();
    const held = Math.log(load) + 0.04 * Math.log(1 / random() - 1) < Math.log(tasksPerSec);
    search.record(load, random() < 0.04 ? !held : held);
    costs.push({ numerator: load * cpuMs * Math.exp(0.03 * standardNormal(random)), denominator: load });
    if (held) p99s.push((40 / (1.2 - Math.min(1, load / tasksPerSec))) * Math.exp(0.2 * standardNormal(random)));
  }
  const p99 = medianEstimate(p99s, "ms", random)?.value ?? 0;
  return {
    id,
    valid: true,
    invalidReasons: [],
    durability: { required: "fsync", verified: "fsync", how: "" },
    machines: { hubNodes: 1, backboneServers: 0 },
    capacity: { tasksPerSec: search.estimate(), streamingAgents: null, messagesPerSec: null, connections: null },
    latency: { assignMsP50: null, assignMsP99: spreadEstimate(p99, p99s, "ms") },
    perTask: {
      hub: { cpuMs: ratioEstimate(costs, "ms", random) ?? null, ...NOTHING_ELSE },
    },
    history: { submitted: 1, acknowledged: 1, completed: 1, deadLettered: 0, lost: 0, duplicated: 0, staleAccepted: 0 },
    bound: { role: null, utilisation: null, explanation: "" },
    workPerTask: {},
    trials: [],
    describe: { servers: [{ kind: "redis", version: "7.0.15" }] },
  };
}

const NOTHING_ELSE = { fsyncs: null, bytesIn: null, bytesOut: null };

const TRIAL: TrialSummary = {
  load: 400,
  outcome: "held",
  reasons: [],
  offered: 800,
  acknowledged: 800,
  completedInTime: 800,
  assignMsP50: 5,
  assignMsP99: 50,
  observedMs: 50,
  observedServiceMs: 50,
  histograms: { response: "", service: "" },
  endedEarly: false,
  owed: 0,
  loopUtilisation: null,
  drainMs: 10,
  quietAfterMs: 0,
  cpuSecondsByRole: { hub: 0.8 },
  resourcesByRole: {},
  completed: 800,
  generatorCpuShare: 0.2,
  scheduleLagMsP99: 1,
  durationMs: 2000,
};

function runOf(hubs: HubResult[], change: Partial<CompareResult> = {}): CompareResult {
  return {
    schema: COMPARE_SCHEMA,
    startedAt: "2026-01-02T03:04:05.000Z",
    wallSeconds: 1,
    seed: 1,
    effort: "quick",
    workload: { name: "steady", agents: 50, completedRows: 1000, work: "0", streaming: false },
    slo: "assign.p99 < 100 ms",
    appliedBoundMs: 200,
    isolation: { kind: "cgroup-v2", how: "", coresPerMachine: 0.5 },
    environment: { cpuModel: "X", cpus: 2, node: "v20", kernel: "6", dataDisk: { filesystem: "ext4", syncMsP50: 0.2 } },
    hubs,
    order: [],
    decision: {
      verdict: "",
      because: [],
      flipsWhen: [],
      cost: { nodes: null, of: "", projected: false, explanation: "" },
      marginal: [],
    },
    notMeasured: [],
    ...change,
  };
}

const options = { paths: { a: "a", b: "b" }, force: false, margin: 0 };
const SEEDS = Array.from({ length: 20 }, (_, i) => i + 1);
const tuned: Truth = { tasksPerSec: 700, cpuMs: 0.5 };

describe("A against A", SLOW, () => {
  it("says 'no difference' in at least 19 of 20 seeds, with no margin to help", () => {
    const verdicts = SEEDS.map((seed) => {
      const [a, b] = [measuredHub(tuned, seed), measuredHub(tuned, seed + 1000)];
      return diffOf(runOf([a]), runOf([b]), options).verdict;
    });
    expect(verdicts.filter((verdict) => verdict === "no difference").length).toBeGreaterThanOrEqual(19);
  });

  it("also when four hubs with three numbers each are compared at once", () => {
    const hubs = (seed: number) =>
      ["a", "b", "c", "d"].map((id, i) => measuredHub({ tasksPerSec: 100 * 3 ** i, cpuMs: 1 + i }, seed + 40 * i, id));
    const verdicts = SEEDS.map((seed) => diffOf(runOf(hubs(seed)), runOf(hubs(seed + 1000)), options).verdict);
    expect(verdicts.filter((verdict) => verdict === "no difference").length).toBeGreaterThanOrEqual(19);
  });
});

describe("A against B", SLOW, () => {
  it("finds a hub that bears 1.5 times as much, in at least 19 of 20 seeds, and says which way", () => {
    const found = SEEDS.map((seed) => {
      const [a, b] = [measuredHub(tuned, seed), measuredHub({ ...tuned, tasksPerSec: 1050 }, seed + 1000)];
      return diffOf(runOf([a]), runOf([b]), options).metrics.find(({ metric }) => metric === "capacity.tasksPerSec")?.worth;
    });
    expect(found.filter((worth) => worth === "better").length).toBeGreaterThanOrEqual(19);
  });

  it("finds a task that costs 20 % more CPU, and calls it worse", () => {
    const diff = diffOf(runOf([measuredHub(tuned, 1)]), runOf([measuredHub({ ...tuned, cpuMs: 0.6 }, 2)]), {
      ...options,
      margin: 0.05,
    });
    expect(diff.verdict).toBe("worse");
    expect(diff.metrics.find(({ metric }) => metric === "perTask.hub.cpuMs")).toMatchObject({
      answer: "higher",
      worth: "worse",
    });
    expect(exitCodeOf(diff)).toBe(0);
    expect(exitCodeOf(diff, "worse")).toBe(99);
    expect(renderDiff(diff)).toMatch(/B is worse: single-tuned perTask.hub.cpuMs ×1\.\d+ \[/);
  });
});

describe("a machine that was not of one speed", SLOW, () => {
  /** Everything takes so much longer than at another time; the reference work shows it, with 15 % noise for a trial. */
  const onMachine = (slowness: number, { tasksPerSec, cpuMs }: Truth, seed: number): HubResult => {
    const random = seededRandom(seed, 78);
    const hub = measuredHub({ tasksPerSec: tasksPerSec / slowness, cpuMs: cpuMs * slowness }, seed);
    const referenceMs = () => 0.6 * slowness * Math.exp(0.15 * standardNormal(random));
    return { ...hub, trials: Array.from({ length: 11 }, () => ({ ...TRIAL, referenceMs: referenceMs() })) };
  };
  const answersFor = (changed: Truth) =>
    SEEDS.map((seed) => {
      const [a, b] = [onMachine(1, tuned, seed), onMachine(1.4, changed, seed + 1000)];
      const { metrics } = diffOf(runOf([a]), runOf([b]), options);
      return metrics.find(({ metric }) => metric === "capacity.tasksPerSec");
    });

  it("is taken out: a hub that did not change says 'no difference', in at least 19 of 20 seeds", () => {
    const found = answersFor(tuned);
    expect(found.filter((row) => row?.answer === "no difference").length).toBeGreaterThanOrEqual(19);
    for (const row of found) {
      expect(row?.slowness?.value).toBeGreaterThan(1.15);
      expect(row?.ratio.value).toBeCloseTo((row?.asMeasured.value ?? 0) * (row?.slowness?.value ?? 0), 9);
    }
  });

  it("hides no hub that bears 2.5 times as much", () => {
    const found = answersFor({ ...tuned, tasksPerSec: 2.5 * tuned.tasksPerSec });
    expect(found.filter((row) => row?.worth === "better").length).toBeGreaterThanOrEqual(19);
  });

  it("takes nothing out of what the machine's speed does not change, nor where a run does not tell it", () => {
    const connections = { value: 900, low: 800, high: 1000, n: 6, unit: "connections" };
    const withThem = (hub: HubResult): HubResult => ({ ...hub, capacity: { ...hub.capacity, connections } });
    const told = diffOf(runOf([withThem(onMachine(1, tuned, 1))]), runOf([withThem(onMachine(1.4, tuned, 2))]), options);
    const held = told.metrics.find(({ metric }) => metric === "capacity.connections");
    expect(held).toMatchObject({ slowness: null, ratio: { value: 1 }, asMeasured: { value: 1 } });
    const untold = diffOf(runOf([measuredHub(tuned, 1)]), runOf([onMachine(1.4, tuned, 2)]), options);
    expect(untold.metrics.map(({ slowness }) => slowness)).toEqual(untold.metrics.map(() => null));
    expect(renderDiff(told)).toMatch(/slowness +at one speed/);
  });
});

describe("why a capacity moved", SLOW, () => {
  const why = (change: Partial<Truth>) =>
    diffOf(runOf([measuredHub(tuned, 1)]), runOf([measuredHub({ ...tuned, ...change }, 2)]), options).explanations.join("\n");

  it("is the cost of a task where the hub used as much CPU as before", () => {
    expect(why({ tasksPerSec: 350, cpuMs: 1 })).toMatch(
      /^single-tuned: capacity ×0\.\d\d and CPU per task ×\d\.\d\d make ×(0\.9|1\.0)/,
    );
  });

  it("names the machine where the generator's tasks cost that much more too, and the hub where they do not", () => {
    const withGenerator = (hub: HubResult, cpuMs: number): HubResult => ({
      ...hub,
      perTask: {
        ...hub.perTask,
        generator: { cpuMs: { value: cpuMs, low: cpuMs, high: cpuMs, n: 9, unit: "ms" }, ...NOTHING_ELSE },
      },
    });
    const slower = measuredHub({ tasksPerSec: 350, cpuMs: 1 }, 2);
    const from = runOf([withGenerator(measuredHub(tuned, 1), 0.25)]);
    const whoseWork = (cpuMs: number) => diffOf(from, runOf([withGenerator(slower, cpuMs)]), options).explanations.join("\n");
    expect(whoseWork(0.25 * 2)).toMatch(/the load generator's work for a task cost ×2\.00: the machine's doing/);
    // What the generator costs more for a task at half the load.
    expect(whoseWork(0.25 * 1.36)).toMatch(/a change of the hub rather than of the machine$/);
    expect(whoseWork(0.25 * 1.57)).toMatch(/by a change of the hub or of the machine \(/);
  });

  it("is not told where a task costs the same, or the capacity did not move", () => {
    expect(why({ tasksPerSec: 350 })).toBe("");
    expect(why({})).toBe("");
  });
});

describe("what may not be compared", SLOW, () => {
  const a = runOf([measuredHub(tuned, 1)]);
  const other = measuredHub(tuned, 2);
  test.each<[string, CompareResult]>([
    ["cpuModel", runOf([other], { environment: { ...a.environment, cpuModel: "Y" } })],
    ["data disk", runOf([other], { environment: { ...a.environment, dataDisk: { filesystem: "xfs" } } })],
    ["CPU quota", runOf([other], { isolation: { kind: "cgroup-v2", how: "", coresPerMachine: 0.25 } })],
    ["SLO", runOf([other], { slo: "assign.p99 < 50 ms" })],
    ["workload", runOf([other], { workload: { ...a.workload, agents: 60 } })],
    ["single-tuned: durability", runOf([{ ...other, durability: { required: "process", verified: "fsync", how: "" } }])],
    ["single-tuned: servers", runOf([{ ...other, describe: { servers: [{ kind: "redis", version: "8.0.0" }] } }])],
  ])("another %s is refused by name, and compared by force", (what, b) => {
    const refused = diffOf(a, b, options);
    expect(refused).toMatchObject({ verdict: "not comparable", metrics: [] });
    expect(refused.obstacles.map((obstacle) => obstacle.what)).toContain(what);
    expect(exitCodeOf(refused)).toBe(3);
    expect(renderDiff(refused)).toMatch(/not comparable.*--force/s);
    expect(diffOf(a, b, { ...options, force: true }).metrics.length).toBeGreaterThan(0);
  });

  it("a hub that is invalid in one of them is left out, and said so", () => {
    const diff = diffOf(a, runOf([{ ...other, valid: false, invalidReasons: ["3 acknowledged tasks were lost"] }]), options);
    expect(diff.left).toEqual([{ hub: "single-tuned", why: "not valid in B: 3 acknowledged tasks were lost" }]);
    expect(exitCodeOf(diff)).toBe(4);
  });

  it("runs without a hub in common have nothing to compare", () => {
    const diff = diffOf(a, runOf([measuredHub(tuned, 2, "single-reference")]), options);
    expect(diff).toMatchObject({ verdict: "nothing to compare", onlyInA: ["single-tuned"], onlyInB: ["single-reference"] });
    expect(exitCodeOf(diff)).toBe(3);
  });

  const withTrials = (...changes: Partial<TrialSummary>[]) =>
    runOf([
      { ...measuredHub({ tasksPerSec: 500, cpuMs: 1 }, 1), trials: changes.map((change) => Object.assign({}, TRIAL, change)) },
    ]);

  it("a machine that was slower in one of the runs is told", () => {
    const during = (ms: number) => withTrials({ referenceMs: ms * 0.9 }, { referenceMs: ms }, { referenceMs: ms * 1.1 });
    const warnings = (a: number, b: number) => diffOf(during(a), during(b), options).warnings.join("\n");
    expect(warnings(0.8, 1.2)).toMatch(/took 0\.80 ms of CPU during A and 1\.2 ms during B/);
    expect(warnings(0.8, 0.84)).toBe("");
  });

  it("other programs that were busy during one of the runs are told", () => {
    const during = (cores: number) => withTrials({ othersCores: 0 }, { othersCores: cores }, { othersCores: 1.5 });
    expect(diffOf(during(0.05), during(0.83), options).warnings).toEqual([
      "other programs used 0.83 of a core during B (median of the trials), and its tasks cost more for it",
    ]);
  });

  it("another commit, a busy machine or a slower fsync are told and do not forbid it", () => {
    const b: CompareResult = runOf([other], {
      environment: {
        ...a.environment,
        commit: { hash: "abcdef0123", dirty: true },
        loadAverage1Min: 1.7,
        dataDisk: { filesystem: "ext4", syncMsP50: 2 },
      },
    });
    const diff: ResultDiff = diffOf(a, b, options);
    expect(diff.obstacles).toEqual([]);
    expect(diff.b.commit).toBe("abcdef0 with changes");
    expect(diff.warnings.join("\n")).toMatch(/fsync took 0\.20 ms before A and 2\.0 ms before B[^]*B began on a busy machine/);
  });
});
