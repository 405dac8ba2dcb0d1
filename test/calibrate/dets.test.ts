/** `bench calibrate dets` as a user has it, with a real Erlang where one can be had. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runBench } from "../compare/bench-program.ts";

interface Written {
  schema: string;
  dets: { source: string; why?: string };
  sizes: { rows: number; operations: Record<string, { twinMs: Figure; detsMs: Figure | null; ratio: Figure | null }> }[];
  growth: { detsBytesPerRow: Figure };
  wall: { tasks: Figure; after: { tasksPerSec: number; seconds: Figure }[] };
}
interface Figure {
  value: number;
  low: number;
  high: number;
  n: number;
}

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "hubscale-test-"));
});
afterAll(() => rmSync(dir, { recursive: true }));

async function calibrate(args: readonly string[], env: Record<string, string> = {}) {
  const out = join(dir, "calibration.json");
  const run = await runBench(["calibrate", "dets", "--rounds", "3", "--out", out, ...args], env);
  if (run.code !== 0) throw new Error(run.stderr);
  return { ...run, written: JSON.parse(readFileSync(out, "utf8")) as Written };
}

describe("bench calibrate dets", () => {
  it("times DETS beside the twin, and says when its file is full", async (context) => {
    const tmp = join(dir, "tmp with a space");
    mkdirSync(tmp);
    const { stdout, written } = await calibrate(["--rows", "0,80", "--task-rate", "2", "--dir", tmp]);
    if (written.dets.source !== "measured") context.skip(`no Erlang to be had: ${written.dets.why}`);
    expect(written.schema).toBe("hubscale.calibration/1");
    expect(written.sizes.map((size) => size.rows)).toEqual([0, 80]);
    expect(Object.keys(written.sizes[0]?.operations ?? {})).toEqual(["insertSync", "insert"]);
    expect(Object.keys(written.sizes[1]?.operations ?? {})).toEqual(["insertSync", "insert", "lookup", "fold"]);
    for (const figures of written.sizes.flatMap((size) => Object.values(size.operations))) {
      for (const figure of Object.values(figures)) {
        expect(figure?.n).toBe(3);
        expect(figure?.low).toBeGreaterThan(0);
        expect(figure?.low).toBeLessThanOrEqual(figure?.value ?? 0);
        expect(figure?.high).toBeGreaterThanOrEqual(figure?.value ?? 0);
      }
    }
    // A row of 2,200 bytes takes the next power of two.
    expect(written.growth.detsBytesPerRow.value).toBeGreaterThan(2_200);
    expect(written.growth.detsBytesPerRow.value).toBeLessThan(4_500);
    expect(written.wall.after[0]?.seconds.value).toBeCloseTo(written.wall.tasks.value / 2);
    expect(stdout).toMatch(/80\s+fold, each row decoded/);
    expect(readdirSync(tmp)).toEqual([]);
  }, 300_000);

  it("without Erlang says so, measures the twin, and marks what is recorded", async () => {
    const bin = join(dir, "bin");
    mkdirSync(bin);
    symlinkSync(process.execPath, join(bin, "node"));
    const env = { PATH: bin, XDG_CACHE_HOME: join(dir, "cache") };
    const { stdout, written } = await calibrate(["--rows", "7,1000"], env);
    expect(stdout).toMatch(/^No DETS here: no Erlang to be had: PATH: none/);
    expect(stdout).toContain("DETS ms (recorded)");
    expect(written.dets.source).toBe("recorded");
    expect(written.sizes[0]?.operations["fold"]).toMatchObject({ detsMs: null, ratio: null });
    expect(written.sizes[1]?.operations["fold"]?.twinMs.n).toBe(3);
    expect(written.sizes[1]?.operations["fold"]?.ratio?.value).toBeGreaterThan(0);
    expect(written.wall.tasks.value).toBeGreaterThan(100_000);
  });

  it.each([
    ["a table size that is none", ["--rows", "many"], /whole number/],
    ["a rate of no tasks", ["--task-rate", "0"], /tasks per second/],
    ["no rounds", ["--rounds", "0"], /1 or more/],
  ])("refuses %s: exit 2", async (_, args, message) => {
    const { code, stderr } = await runBench(["calibrate", "dets", ...args]);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});
