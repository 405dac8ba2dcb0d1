import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
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
  return { guess: 100, summary: { load } as Point["summary"], counters: {}, histograms: null, checked };
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
