import { expect, test } from "vitest";
import { parseSlo, type Slo } from "./slo.ts";
import { backlogGrowth, judgeTrial, type TrialFacts } from "./trial-judgement.ts";

const slo = parseSlo("assign.p99 < 100ms") as Slo;
const q = (p99: number) => ({ p50: p99 / 4, p99 });
const good: TrialFacts = {
  durationMs: 2000,
  offered: 1000,
  acknowledged: 1000,
  unacknowledged: 0,
  completedInTime: 1000,
  latencyMs: { assign: q(12), submit: q(8), complete: q(15) },
  backlog: Array.from({ length: 20 }, (_, i) => ({ atMs: i * 100, tasks: 3 + (i % 3) })),
  drained: true,
  drainMs: 12,
  quietAfterMs: 0,
  owed: 1,
  generator: { cpuShare: 0.3, scheduleLagMsP99: 1, loopDelayMsP99: 2 },
};

test("a trial in order is held", () => {
  expect(judgeTrial(good, slo)).toEqual({ outcome: "held", reasons: [] });
});

test.each<[string, Partial<TrialFacts>, RegExp]>([
  ["slow", { latencyMs: { ...good.latencyMs, assign: q(130) } }, /assign.p99 130 ms/],
  ["nothing measured", { latencyMs: { ...good.latencyMs, assign: q(Number.NaN) } }, /assign.p99/],
  ["refused", { unacknowledged: 3 }, /3 of 1000 submissions not acknowledged/],
  ["behind", { completedInTime: 970 }, /970 of 1000/],
  ["growing backlog", { backlog: good.backlog.map((p) => ({ ...p, tasks: p.atMs / 20 })) }, /backlog grew by 95/],
  ["not drained", { drained: false }, /work left/],
  ["debt after the load", { quietAfterMs: null }, /debt/],
  ["debt by its own word", { owed: 40 }, /40 passes or changes still waiting/],
])("%s is a miss", (_, change, reason) => {
  const { outcome, reasons } = judgeTrial({ ...good, ...change }, slo);
  expect(outcome).toBe("missed");
  expect(reasons.join()).toMatch(reason);
});

test("a generator at the end of its core makes the trial invalid, whatever was measured", () => {
  expect(judgeTrial({ ...good, generator: { ...good.generator, cpuShare: 0.97 } }, slo).outcome).toBe("invalid");
});

test("a late generator explains a miss by a little, not a miss by far", () => {
  const late = { ...good.generator, scheduleLagMsP99: 40 };
  expect(judgeTrial({ ...good, generator: late, latencyMs: { ...good.latencyMs, assign: q(130) } }, slo).outcome).toBe(
    "invalid",
  );
  expect(judgeTrial({ ...good, generator: late, latencyMs: { ...good.latencyMs, assign: q(900) } }, slo).outcome).toBe(
    "missed",
  );
});

test("a late generator does not spoil a trial that held: it makes latencies look worse, never better", () => {
  const late = { cpuShare: 0.5, scheduleLagMsP99: 60, loopDelayMsP99: 90 };
  expect(judgeTrial({ ...good, generator: late }, slo).outcome).toBe("held");
});

test("a generator whose event loop stood still may not blame the hub for a miss by a little", () => {
  const paused = { ...good.generator, loopDelayMsP99: 80 };
  const facts = { ...good, generator: paused, latencyMs: { ...good.latencyMs, assign: q(130) } };
  expect(judgeTrial(facts, slo)).toMatchObject({
    outcome: "invalid",
    reasons: [expect.stringMatching(/event loop was 80 ms late/), expect.stringMatching(/assign/)],
  });
});

test("a window without a submission says nothing", () => {
  expect(judgeTrial({ ...good, offered: 0, acknowledged: 0, completedInTime: 0 }, slo).outcome).toBe("invalid");
});

test("of few tasks one may be late, and two are too many", () => {
  const few = { ...good, offered: 6, acknowledged: 6 };
  expect(judgeTrial({ ...few, completedInTime: 5 }, slo).outcome).toBe("held");
  expect(judgeTrial({ ...few, completedInTime: 4 }, slo).reasons).toEqual(["4 of 6 tasks completed in time"]);
});

test("a noisy but level backlog does not grow", () => {
  const noisy = Array.from({ length: 40 }, (_, i) => ({ atMs: i * 50, tasks: [2, 40, 7, 0, 19][i % 5] as number }));
  expect(backlogGrowth(noisy)).toBe(0);
});

/** Of 220 tasks a second over 1.5 s, some in work at any moment. */
const backlogOf = (tasksAt: (share: number) => number) =>
  Array.from({ length: 30 }, (_, i) => ({ atMs: i * 50, tasks: Math.round(tasksAt(i / 29)) + [4, 2, 7, 3, 5, 2][i % 6]! }));

test.each([
  ["late", 0.85],
  ["in the middle", 0.45],
  ["early", 0.1],
])("one pause, worked off soon or not at all yet, is no growth: %s", (_, from) => {
  const pause = backlogOf((share) => (share < from || share > from + 0.25 ? 0 : (40 * (from + 0.25 - share)) / 0.25));
  expect(backlogGrowth(pause)).toBe(0);
});

test("a hub that falls behind by a twentieth shows it", () => {
  const growth = backlogGrowth(backlogOf((share) => 220 * 1.5 * 0.05 * share));
  expect(growth).toBeGreaterThan(10);
  expect(growth).toBeLessThan(20);
});
