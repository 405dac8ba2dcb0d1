import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LatencyRecord } from "../load/latency-record.ts";
import type { Point } from "./contender.ts";
import { holdsPoints, type OpenedPoints, PointFiles } from "./point-files.ts";

let out = "";
beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), "points-test-"));
});
afterEach(() => rmSync(out, { recursive: true }));

const configuration = { effort: "smoke", hubs: ["single-tuned"], seed: 1, workload: { name: "steady", agents: 50 } };
const begun = { resume: false, startedAt: "2026-01-02T03:04:05.000Z" };
const again = { resume: true, startedAt: "2026-01-02T09:00:00.000Z" };

function point(load: number, unfinished = 0): Point {
  const history = { submitted: 1, acknowledged: 1, completed: 1, deadLettered: 0, lost: 0, duplicated: 0, staleAccepted: 0 };
  const checked = { history, offending: [], unfinished };
  const record = new LatencyRecord();
  record.add(12);
  const text = record.encode().hdrMicros;
  const stages = { submit: text, assign: text, complete: text };
  const summary: Point["summary"] = {
    load,
    outcome: "held",
    reasons: [],
    offered: 1,
    acknowledged: 1,
    completedInTime: 1,
    assignMsP50: 12,
    assignMsP99: 12,
    observedMs: 12,
    observedServiceMs: null,
    histograms: { response: text, service: "" },
    endedEarly: false,
    owed: 0,
    loopUtilisation: null,
    drainMs: 0,
    quietAfterMs: null,
    cpuSecondsByRole: { hub: 0.1 },
    resourcesByRole: {},
    completed: 1,
    generatorCpuShare: 0.1,
    scheduleLagMsP99: 0.2,
    durationMs: 1_000,
  };
  return { guess: 100, summary, counters: { fsyncs: 3 }, histograms: { response: stages, service: stages }, checked };
}

function opened(result: OpenedPoints) {
  if (!result.ok) throw new Error(result.problems.join("; "));
  return result;
}

test("what was kept is found again, in its order, also twice", () => {
  const first = opened(PointFiles.open(out, configuration, begun));
  first.points.keep("a", point(10));
  first.points.keep("b", point(20));
  const second = opened(PointFiles.open(out, configuration, again));
  expect(second.startedAt).toBe(begun.startedAt);
  second.points.keep("a", point(30));
  const third = opened(PointFiles.open(out, configuration, again));
  expect(third.kept.map(({ hub, turn, summary }) => [hub, turn, summary.load])).toEqual([
    ["a", 0, 10],
    ["b", 1, 20],
    ["a", 2, 30],
  ]);
});

test("another configuration is refused, with what differs", () => {
  opened(PointFiles.open(out, configuration, begun)).points.keep("a", point(10));
  const other = { ...configuration, seed: 2, workload: { name: "steady", agents: 60 } };
  expect(PointFiles.open(out, other, again)).toEqual({
    ok: false,
    problems: ["seed: was 1, is 2", 'workload: was {"name":"steady","agents":50}, is {"name":"steady","agents":60}'],
  });
});

test("a trial with tasks that nobody saw end is dropped, and those of its hub after it", () => {
  const { points } = opened(PointFiles.open(out, configuration, begun));
  points.keep("a", point(10));
  points.keep("a", point(20, 3));
  points.keep("b", point(25));
  points.keep("a", point(30));
  const resumed = opened(PointFiles.open(out, configuration, again));
  expect(resumed.kept.map(({ hub, summary }) => [hub, summary.load])).toEqual([
    ["a", 10],
    ["b", 25],
  ]);
  expect(resumed.dropped).toBe(2);
  expect(opened(PointFiles.open(out, configuration, again)).dropped).toBe(0);
});

test("a file that was being written when the power went is no point", () => {
  opened(PointFiles.open(out, configuration, begun)).points.keep("a", point(10));
  writeFileSync(join(out, "points", "00001.json.partial"), '{"hub":"a","tu');
  expect(opened(PointFiles.open(out, configuration, again)).kept).toHaveLength(1);
});

test("without resume a new run replaces what is there", () => {
  opened(PointFiles.open(out, configuration, begun)).points.keep("a", point(10));
  expect(holdsPoints(out)).toBe(true);
  expect(opened(PointFiles.open(out, configuration, begun)).kept).toEqual([]);
  expect(readdirSync(join(out, "points"))).toEqual(["run.json"]);
  expect(holdsPoints(out)).toBe(false);
});

test("nothing to resume begins anew, and says so", () => {
  expect(opened(PointFiles.open(out, configuration, again))).toMatchObject({ kept: [], startedAt: null });
});

test.each<[string, (text: string) => string, RegExp]>([
  ["is empty", () => "", /00001.json is empty, or was cut off/],
  ["is cut off", (text) => text.slice(0, -20), /00001.json:1: the JSON is cut off here/],
  ["is of zeros", (text) => "\0".repeat(text.length), /00001.json is empty, or was cut off/],
  ["lacks a field", (text) => text.replace('"guess":100,', ""), /00001.json:1: guess: is missing/],
  ["has a count below 0", (text) => text.replace('"lost":0', '"lost":-1'), /checked.history.lost: must be >= 0/],
  ["has a number that is none", (text) => text.replace('"load":20', '"load":1e999'), /summary.load: must be a number/],
  ["is of another trial", (text) => text.replace('"turn":1', '"turn":7'), /turn: is 7, not that of the file's name/],
  [
    "has other bytes for a histogram",
    (text) => text.replace(/"submit":"..../, '"submit":"AAAA'),
    /histograms: cannot be decoded/,
  ],
])("a trial whose file %s is set aside and measured again, and no other is lost", (_, damage, problem) => {
  const { points } = opened(PointFiles.open(out, configuration, begun));
  points.keep("a", point(10));
  points.keep("b", point(20));
  points.keep("a", point(30));
  const file = join(out, "points", "00001.json");
  const bytes = damage(readFileSync(file, "utf8"));
  writeFileSync(file, bytes);
  const resumed = opened(PointFiles.open(out, configuration, again));
  expect(resumed.kept.map(({ hub, summary }) => [hub, summary.load])).toEqual([
    ["a", 10],
    ["a", 30],
  ]);
  expect(resumed.damaged).toEqual([expect.stringMatching(problem)]);
  expect(resumed.damaged[0]).toMatch(/set aside as .*00001.json.damaged, its trial is measured again$/);
  expect(readFileSync(`${file}.damaged`, "utf8")).toBe(bytes);
  resumed.points.keep("b", point(25));
  expect(opened(PointFiles.open(out, configuration, again))).toMatchObject({
    damaged: [],
    kept: [{}, {}, { hub: "b", turn: 3 }],
  });
});

test.each<[string, string | null, RegExp]>([
  ["empty", "", /run.json is empty, or was cut off/],
  ["cut off", '{"startedAt":"2026', /run.json:1: the JSON is cut off here/],
  ["without its configuration", '{"startedAt":"2026-01-02T03:04:05.000Z"}', /run.json:1: configuration: is missing/],
  ["not there", null, /cannot read .*run.json: there is no such file/],
])("a run whose run.json is %s is not gone on from, and its trials stay", (_, text, problem) => {
  opened(PointFiles.open(out, configuration, begun)).points.keep("a", point(10));
  const file = join(out, "points", "run.json");
  if (text === null) rmSync(file);
  else writeFileSync(file, text);
  const refused = PointFiles.open(out, configuration, again);
  expect(refused).toEqual({
    ok: false,
    isDamaged: true,
    problems: [expect.stringMatching(problem), expect.stringMatching(/start anew without --resume and in another folder/)],
  });
  expect(readdirSync(join(out, "points"))).toContain("00000.json");
});
