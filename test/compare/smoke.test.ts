import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CompareResult } from "hubscale";
import { processesMentioning, runBench, startBench } from "./bench-program.ts";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "hubscale-test-"));
});
afterAll(() => rmSync(dir, { recursive: true }));

/** Everything that a run starts inherits its TMPDIR, so that its processes can be told from others by it. */
async function leftOf(tmp: string): Promise<{ processes: number[]; folders: string[] }> {
  const untilMs = Date.now() + 15_000;
  // The watchdog ends a moment after the program.
  while (Date.now() < untilMs && processesMentioning(tmp).length > 0) await sleep(100);
  return { processes: processesMentioning(tmp), folders: readdirSync(tmp) };
}

describe("bench compare --effort smoke", () => {
  it("measures three hubs on real servers, checks every task, writes its reports, and leaves nothing behind", async () => {
    const tmp = mkdtempSync(join(dir, "tmp-"));
    const out = join(dir, "out");
    const { code, stdout, stderr } = await runBench(["compare", "--effort", "smoke", "--out", out], { TMPDIR: tmp });
    expect(stdout, stderr).toMatch(/^verdict /);
    const result = JSON.parse(readFileSync(join(out, "results.json"), "utf8")) as CompareResult;
    // A machine that is busy with something else spoils trials, and the run must say so instead of giving a number.
    const reasons = result.hubs.flatMap((hub) => hub.invalidReasons);
    expect(code, stderr).toBe(reasons.length === 0 ? 0 : 4);
    for (const reason of reasons)
      expect(reason).toMatch(/spoilt by the load generator|held no load|only a lower bound|cores were full/);
    expect(result.schema).toBe("hubscale.compare/1");
    expect(result.hubs.map((hub) => hub.id)).toEqual(["single-reference", "single-tuned", "sharded-redis@2"]);
    for (const hub of result.hubs) {
      expect(hub.durability, hub.id).toMatchObject({ required: "fsync", verified: "fsync" });
      expect(hub.history, hub.id).toMatchObject({ lost: 0, duplicated: 0, staleAccepted: 0 });
      expect(hub.history.acknowledged).toBeGreaterThan(0);
      expect(hub.history.completed).toBe(hub.history.acknowledged);
      // Null only for a hub that the run calls invalid, which is checked above.
      const { value, low, high } = hub.capacity.tasksPerSec ?? { value: 2, low: 1, high: 3 };
      expect(low).toBeGreaterThan(0);
      expect(low).toBeLessThan(value);
      expect(value).toBeLessThan(high);
      expect(hub.perTask["hub"]?.cpuMs?.value).toBeGreaterThan(0);
    }
    expect(result.hubs[2]?.perTask["redis"]?.cpuMs?.value).toBeGreaterThan(0);
    // The twin pays for its scans: far more CPU and far more rows read for each task than the repaired hub.
    const [reference, tuned] = result.hubs;
    expect(reference?.perTask["hub"]?.cpuMs?.value ?? 0).toBeGreaterThan(5 * (tuned?.perTask["hub"]?.cpuMs?.value ?? 0));
    expect(readFileSync(join(out, "report.md"), "utf8")).toContain(result.decision.verdict);
    const html = readFileSync(join(out, "report.html"), "utf8");
    expect(html).toContain("<svg");
    expect(html).not.toMatch(/(src|href)="https?:/);
    expect(await leftOf(tmp)).toEqual({ processes: [], folders: [] });
  }, 300_000);
});

describe.each<[NodeJS.Signals, number]>([
  ["SIGINT", 130],
  ["SIGTERM", 143],
])("%s in the middle of a run", (signal, exitCode) => {
  it.each([1500, 6000])("after %i ms: ends, and leaves no process and no folder", async (afterMs) => {
    const tmp = mkdtempSync(join(dir, "tmp-"));
    const { child, finished } = startBench(["compare", "--effort", "smoke", "--out", join(dir, `out-${signal}`)], {
      TMPDIR: tmp,
    });
    await sleep(afterMs);
    child.kill(signal);
    // Before the program has its handlers the signal itself ends it; then nothing had been started either.
    const end = await finished;
    expect(end.signal === signal || end.code === exitCode, JSON.stringify(end)).toBe(true);
    expect(await leftOf(tmp)).toEqual({ processes: [], folders: [] });
    expect(existsSync(join(dir, `out-${signal}`, "results.json"))).toBe(false);
  });
});

it("SIGKILL of the bench: the watchdog ends what it had started", async () => {
  const tmp = mkdtempSync(join(dir, "tmp-"));
  const { child, finished } = startBench(["compare", "--effort", "smoke", "--out", join(dir, "out-kill")], { TMPDIR: tmp });
  await sleep(5000);
  expect(processesMentioning(tmp).length).toBeGreaterThan(1);
  child.kill("SIGKILL");
  await finished;
  expect(await leftOf(tmp)).toEqual({ processes: [], folders: [] });
});
