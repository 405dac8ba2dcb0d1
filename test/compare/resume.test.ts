/** A comparison that is killed in the middle, and goes on: Ctrl-C, and an end without warning. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { CompareResult } from "hubscale";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runBench, startBench } from "./bench-program.ts";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "hubscale-test-"));
});
afterAll(() => rmSync(dir, { recursive: true }));

const FLAGS = ["compare", "--effort", "smoke", "--hubs", "single-tuned", "--isolation", "none", "--no-progress"];

function pointsIn(out: string): string[] {
  const points = join(out, "points");
  return existsSync(points) ? readdirSync(points).filter((name) => /^\d+\.json$/.test(name)) : [];
}

/** Ends the run by `signal` as soon as it has kept two trials. */
async function interrupted(out: string, signal: NodeJS.Signals): Promise<number> {
  const { child, finished } = startBench([...FLAGS, "--out", out]);
  while (pointsIn(out).length < 2 && child.exitCode === null) await sleep(20);
  child.kill(signal);
  await finished;
  return pointsIn(out).length;
}

describe.each<NodeJS.Signals>(["SIGINT", "SIGKILL"])("a run ended by %s", (signal) => {
  it("goes on with --resume: the kept trials count, and the history of all of them is checked", async () => {
    const out = join(dir, signal);
    const points = await interrupted(out, signal);
    expect(existsSync(join(out, "results.json"))).toBe(false);

    const other = await runBench([...FLAGS, "--out", out, "--resume", "--seed", "2"]);
    expect(other).toMatchObject({ code: 2, stdout: "", stderr: expect.stringMatching(/seed: was 1, is 2/) });
    expect(pointsIn(out)).toHaveLength(points);

    const { stderr } = await runBench([...FLAGS.slice(0, -1), "--out", out, "--resume"]);
    const [, kept] = /kept of the run begun \S+: (\d+) trials/.exec(stderr) ?? [];
    const result = JSON.parse(readFileSync(join(out, "results.json"), "utf8")) as CompareResult;
    const [hub] = result.hubs;
    expect(Number(kept)).toBeGreaterThan(0);
    expect(Number(kept)).toBeLessThanOrEqual(points);
    expect(result.resumed?.trials).toBe(Number(kept));
    expect(hub?.trials.length).toBeGreaterThan(Number(kept));
    expect(pointsIn(out)).toHaveLength(hub?.trials.length ?? 0);
    expect(result.order).toHaveLength(hub?.trials.length ?? 0);
    // All tasks of the kept trials and of the new ones, each once.
    const offered = hub?.trials.reduce((sum, trial) => sum + trial.offered, 0) ?? 0;
    expect(hub?.history.submitted).toBeGreaterThanOrEqual(offered);
    expect(hub?.history).toMatchObject({ lost: 0, duplicated: 0, staleAccepted: 0 });
    expect(hub?.history.completed).toBe(hub?.history.acknowledged);
    expect(readFileSync(join(out, "report.md"), "utf8")).toMatch(/Resumed: \d+ trials were kept/);
  }, 300_000);
});

it("--resume without --out: exit 2, and what is missing", async () => {
  expect(await runBench([...FLAGS, "--resume"])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/--resume needs --out/),
  });
});
