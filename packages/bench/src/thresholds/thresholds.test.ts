import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, test } from "vitest";
import type { Estimate } from "../measure/estimate.ts";
import type { HubResult } from "../results/compare-result.ts";
import { checkThresholds, renderChecks } from "./threshold-check.ts";
import { loadThresholds, type Threshold } from "./threshold-file.ts";

const dir = mkdtempSync(join(tmpdir(), "thresholds-test-"));
afterAll(() => rmSync(dir, { recursive: true }));

function loaded(text: string, hubs?: string[]) {
  const file = join(dir, "t.yaml");
  writeFileSync(file, text);
  const result = loadThresholds(file, hubs);
  return result.ok ? result : { ...result, problems: result.problems.map((problem) => problem.replace(dir, "")) };
}

const GOOD = `thresholds:
  - hub: single-tuned
    metric: capacity.tasksPerSec
    at_least: 500
  - hub: sharded-redis@2
    over: single-tuned
    metric: latency.assignMsP99
    at_most: 1.5
`;

describe("the file", () => {
  it("is read", () => {
    expect(loaded(GOOD)).toMatchObject({
      ok: true,
      thresholds: [
        { hub: "single-tuned", over: null, metric: "capacity.tasksPerSec", kind: "at_least", bound: 500 },
        { hub: "sharded-redis@2", over: "single-tuned", kind: "at_most", bound: 1.5 },
      ],
    });
  });

  test.each([
    ["hub: single-tuned", "hub: single-tund", /\/t\.yaml:2: hub: unknown hub id 'single-tund' \(did you mean single-tuned\?\)/],
    ["capacity.tasksPerSec", "capacity", /\/t\.yaml:3: metric: unknown metric 'capacity'; write for instance/],
    ["at_least: 500", "at_least: many", /\/t\.yaml:4: at_least: must be a number, not 'many'/],
    ["at_least: 500", "at_least: -1", /\/t\.yaml:4: at_least: must be a number, not '-1', from 0 to/],
    ["at_least: 500", "at_least: 1e308", /\/t\.yaml:4: at_least: must be a number/],
    ["at_least: 500", "at_least: .inf", /\/t\.yaml:4: at_least: must be a number/],
    ["single-tuned\n    metric", "{toString: 1}\n    metric", /\/t\.yaml:2: hub: unknown hub id 'a map'/],
    ["at_least: 500", "atleast: 500", /\/t\.yaml:4: atleast: unknown field/],
    ["at_least: 500", "at_least: 500\n    at_most: 600", /at_least: give one of at_least and at_most/],
    ["thresholds:", "bounds:", /\/t\.yaml:1: the file must hold one list, 'thresholds:'/],
  ])("with '%s' as '%s' is refused with the line", (from, to, problem) => {
    const result = loaded(GOOD.replace(from, to));
    expect(result.ok ? "" : result.problems.join("\n")).toMatch(problem);
  });

  it("that names a hub which is not in the run is refused before the run", () => {
    const result = loaded(GOOD, ["single-tuned", "sharded-redis@1"]);
    expect(result).toMatchObject({
      ok: false,
      problems: [expect.stringMatching(/t\.yaml:5: hub: 'sharded-redis@2' is not among/)],
    });
  });

  it("that is not there says so", () => {
    expect(loadThresholds(join(dir, "none.yaml"))).toMatchObject({
      ok: false,
      problems: [expect.stringMatching(/cannot read the thr/)],
    });
  });
});

const estimate = (value: number, low: number, high: number, n = 12): Estimate => ({ value, low, high, n, unit: "" });

function hub(id: string, capacity: Estimate, p99 = estimate(90, 80, 110), cpuMs = estimate(1, 0.9, 1.1, 3)): HubResult {
  return {
    id,
    valid: true,
    invalidReasons: [],
    capacity: { tasksPerSec: capacity },
    latency: { assignMsP99: p99 },
    perTask: { hub: { cpuMs } },
    workPerTask: {},
  } as unknown as HubResult;
}

const threshold = (change: Partial<Threshold>): Threshold => ({
  hub: "single-tuned",
  over: null,
  metric: "capacity.tasksPerSec",
  kind: "at_least",
  bound: 500,
  at: "t.yaml:2",
  ...change,
});

describe("the check", () => {
  const hubs = [hub("single-tuned", estimate(520, 480, 560)), hub("single-reference", estimate(5, 4, 6))];
  test.each<[string, Partial<Threshold>, boolean, RegExp]>([
    ["at_least: the low end counts, not the value", {}, false, /low end is 480: the value would do/],
    ["at_least, below the low end", { bound: 480 }, true, /520 \[480, 560\], at least 480/],
    [
      "at_most: the high end counts, not the value",
      { metric: "latency.assignMsP99", kind: "at_most", bound: 100 },
      false,
      /high end is 110/,
    ],
    ["at_most, above the high end", { metric: "latency.assignMsP99", kind: "at_most", bound: 110 }, true, /at most 110/],
    ["a ratio to another hub", { over: "single-reference", bound: 70 }, true, /104 \[85, 132\], at least 70/],
    ["a ratio that is not certain enough", { over: "single-reference", bound: 100 }, false, /low end/],
    ["what was not measured is missed", { metric: "capacity.connections" }, false, /not measured/],
    ["a hub that is not there is missed", { hub: "sharded-redis@2" }, false, /not in this run/],
    [
      "a bootstrap of three trials is widened first",
      { metric: "perTask.hub.cpuMs", kind: "at_most", bound: 1.15 },
      false,
      /high end is 1\.3/,
    ],
  ])("%s", (_, change, met, explanation) => {
    const [check] = checkThresholds([threshold(change)], { hubs });
    expect(check).toMatchObject({ met, explanation: expect.stringMatching(explanation) });
  });

  it("of one trial there is no bound, so it is missed", () => {
    const [check] = checkThresholds([threshold({ bound: 1 })], { hubs: [hub("single-tuned", estimate(520, 520, 520, 1))] });
    expect(check).toMatchObject({ met: false, explanation: expect.stringMatching(/one trial/) });
  });

  it("an invalid hub keeps nothing", () => {
    const spoilt = { ...hub("single-tuned", estimate(520, 480, 560)), valid: false, invalidReasons: ["2 tasks were lost"] };
    const checks = checkThresholds([threshold({ bound: 1 })], { hubs: [spoilt] });
    expect(renderChecks(checks)).toEqual([
      "threshold MISSED  single-tuned capacity.tasksPerSec: single-tuned is not valid: 2 tasks were lost  (t.yaml:2)",
    ]);
  });
});
