/** The tests of the tester: hubs that break the rules, and generators that cannot keep up, must be found out. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@hubscale/sidecar-sim";
import type { HubResult, Linearity } from "hubscale";
import { LoadGenerator, runTrial } from "hubscale/load";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { processesMentioning, runBench, startBench } from "../compare/bench-program.ts";
import { flawedHub, PATIENT, runOn } from "./flawed-hub.ts";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "hubscale-tester-"));
});
afterAll(() => rmSync(dir, { recursive: true }));

const MINUTES_MS = 180_000;
const STALL_MS = 5_000;

test(
  "1. a hub that stalls 5 s shows it in the response time's p99 and not in the service time's p50",
  async () => {
    const hub = await flawedHub({ stallAfter: 60, stallMs: STALL_MS });
    const connected = await LoadGenerator.connect(
      {
        ws: [hub.ws],
        http: [hub.http],
        agents: 8,
        seed: 1,
        behaviour: {
          workTime: { kind: "constant", ms: 0 },
          progress: null,
          failure: { share: 0, as: "failed" },
          outputChars: 10,
        },
        timeScale: 1,
        prefix: "stall",
        httpConnections: 4,
        limitMs: 10_000,
      },
      { clock: systemClock, note: () => undefined },
    );
    if (!connected.ok) throw new Error(connected.detail);
    const { generator } = connected;
    onTestFinished(() => generator.close());
    const shape = { warmupMs: 500, durationMs: 13_000, graceMs: 0, drainLimitMs: 10_000, seed: 1 };
    const load = { mode: "open", ratePerSec: 20, arrivals: "constant" } as const;
    const result = await runTrial(
      generator,
      { kind: "trial", id: "t", descriptionChars: 50, metadataBytes: 0, ...shape, ...load },
      () => undefined,
    );
    // A generator that waits for answers would have sent a few tasks in the stall, and seen one slow one.
    expect(result.window.offered).toBe(260);
    expect(result.latency.assign.ms.p99).toBeGreaterThan(0.9 * STALL_MS);
    expect(result.service.assign.ms.p50).toBeLessThan(0.5 * STALL_MS);
    expect(result.history).toMatchObject({ clean: true, completed: result.whole.offered });
  },
  MINUTES_MS,
);

test(
  "3. a generator starved of CPU makes the run invalid instead of the hub slow",
  async () => {
    const tmp = mkdtempSync(join(dir, "tmp-"));
    const flags = ["run", "--hub", "null", "--rate", "200", "--seconds", "4", "--json", "--no-progress", "--isolation", "none"];
    const { finished } = startBench(flags, { TMPDIR: tmp });
    // A quarter of the time is left to it.
    const starving = setInterval(() => {
      const pid = generatorOf(tmp);
      if (pid === undefined) return;
      signal(pid, "SIGSTOP");
      setTimeout(() => signal(pid, "SIGCONT"), 150);
    }, 200);
    const { code, stdout, stderr } = await finished;
    clearInterval(starving);
    expect(stdout, stderr).not.toBe("");
    const { hub } = JSON.parse(stdout) as { hub: HubResult };
    expect(hub.trials.map((trial) => trial.outcome)).toEqual(["invalid"]);
    expect(hub.invalidReasons.join()).toMatch(/the generator('s event loop was| sent) \d+ ms late/);
    expect(code).toBe(4);
  },
  MINUTES_MS,
);

test(
  "8. a hub that accepts work faster than it does it is over its knee, although its burst looked fast",
  async () => {
    // 100 tasks a second owe 3 s of CPU for each second of load, paid when nobody looks.
    const { hub } = await runOn(await flawedHub({ debtMsPerTask: 30 }), "--rate", "100", "--seconds", "2", ...PATIENT);
    const [trial] = hub.trials;
    expect(trial?.completedInTime).toBe(trial?.offered);
    expect(trial?.reasons.join()).toMatch(/unpaid debt/);
    expect(trial?.outcome).not.toBe("held");
    expect(trial?.quietAfterMs).toBeNull();
  },
  MINUTES_MS,
);

test(
  "7. a hub that burns CPU by the clock costs more for a task under a small quota, and is flagged",
  async () => {
    const { ws, http, pid } = await flawedHub({ idleBurnMs: 3 });
    const target = ["--target", ws, "--http", http, "--pid", String(pid)];
    const flags = ["--quotas", "0.2,0.8", "--rounds", "3", "--seconds", "1", "--json", "--no-progress"];
    const { code, stdout, stderr } = await runBench(["linearity", ...target, ...flags]);
    if (stderr.includes("no CPU quota here")) {
      console.log(`not measured here: ${stderr.trim()}`);
      return;
    }
    const { points, shift, flagged } = JSON.parse(stdout) as Linearity;
    expect(points.map(({ cores }) => cores)).toEqual([0.2, 0.8]);
    expect(points[0]?.cpuMsPerTask.value).toBeGreaterThan(points[1]?.cpuMsPerTask.value ?? Infinity);
    expect(shift).toBeGreaterThan(0.15);
    expect({ flagged, code }).toEqual({ flagged: true, code: 4 });
  },
  MINUTES_MS,
);

function generatorOf(tmp: string): number | undefined {
  return processesMentioning(tmp).find((pid) => commandOf(pid).includes("generator-main"));
}

/** Empty for a process that has ended meanwhile. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return "";
    throw error;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
