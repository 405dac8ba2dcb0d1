/** Random faults against real hubs; and a hub that loses, which must be caught. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unavailableKinds } from "hubscale/faults";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { processesMentioning, runBench } from "../compare/bench-program.ts";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "hubscale-faults-"));
});
afterAll(() => rmSync(dir, { recursive: true }));

interface Run {
  hub: string;
  seed: number;
  plan: { faults: { atMs: number; fault: { kind: string } }[] };
  history: { acknowledged: number; lost: number; duplicated: number };
  broken: string[];
}

async function faults(...flags: string[]) {
  const tmp = mkdtempSync(join(dir, "tmp-"));
  const finished = await runBench(["faults", "--no-progress", ...flags], { TMPDIR: tmp });
  return { ...finished, leftOver: [...processesMentioning(tmp), ...mountsBelow(tmp), ...readdirSync(tmp)] };
}

const mountsBelow = (folder: string) =>
  readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .filter((line) => line.includes(folder));

test("hubs that keep their word come through, and the file says what was done to them", async () => {
  const out = join(dir, "good");
  const series = ["--hubs", "sharded-redis@2,single-tuned", "--seed", "2", "--runs", "2", "--lease-ms", "1000"];
  const { code, stdout, stderr, leftOver } = await faults(...series, "--out", out);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  const { schema, runs, hubs } = JSON.parse(readFileSync(join(out, "faults.json"), "utf8")) as {
    schema: string;
    runs: Run[];
    hubs: { hub: string; runs: number; lost: number; duplicated: number }[];
  };
  expect(schema).toBe("hubscale.faults/1");
  expect(runs.map(({ hub, seed }) => `${hub} ${seed}`)).toEqual([
    "sharded-redis@2 2",
    "single-tuned 2",
    "sharded-redis@2 3",
    "single-tuned 3",
  ]);
  for (const { history, broken, plan } of runs) {
    expect(broken).toEqual([]);
    expect(history.acknowledged).toBeGreaterThan(30);
    expect(plan.faults.length).toBeGreaterThan(0);
  }
  expect(hubs).toMatchObject([
    { hub: "sharded-redis@2", runs: 2, lost: 0, duplicated: 0 },
    { hub: "single-tuned", runs: 2, lost: 0, duplicated: 0 },
  ]);
  expect(stdout).toMatch(/^single-tuned {2}seed 3 /m);
  const page = readFileSync(join(out, "faults.html"), "utf8");
  expect(page).toMatch(/<h1>4 runs with \d+ faults, .*: nothing acknowledged was lost or done twice<\/h1>/);
  expect(page).toMatch(/<svg[^>]*aria-label="Submissions acknowledged/);
  expect(leftOver).toEqual([]);

  // What a killed node costs goes into the decision about the fleet.
  const fleet = await runBench(["fleet", "--faults", join(out, "faults.json"), "--draws", "0", "--no-progress"]);
  expect({ code: fleet.code, stderr: fleet.stderr }).toEqual({ code: 0, stderr: "" });
}, 240_000);

test.each(["sharded-nats@2x3", "sharded-redis@2x2"])(
  "one of the servers of %s is cut off from everybody, and killed",
  async (hub) => {
    const out = join(dir, hub);
    const series = ["--hubs", hub, "--kinds", "cut-off-server,restart-backbone", "--seed", "89", "--runs", "1", "--rate", "20"];
    const { code, stdout, stderr, leftOver } = await faults(...series, "--out", out);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toMatch(/backbone server \d cut off for .*kill -9 of backbone server \d/);
    expect(leftOver).toEqual([]);
  },
  240_000,
);

test("a hub that keeps nothing is caught, with the seed that shows it again", async () => {
  const series = ["--hubs", "null", "--kinds", "kill-node", "--seed", "2", "--runs", "1"];
  const { code, stdout, stderr } = await faults(...series, "--out", join(dir, "bad"));
  expect(stdout).toMatch(/^null {2}seed 2 .*kill -9 of n1.* BROKEN: \d+ lost \(task-/m);
  expect(stderr).toMatch(/null, seed 2: \d+ lost \(task-/);
  expect(stderr).toMatch(/again: pnpm bench faults --hubs null --seed 2 --runs 1 --lease-ms 1500 --kinds kill-node$/m);
  expect(code).toBe(4);
}, 240_000);

const cannotTakeThePower = unavailableKinds(["lose-power"]);
if (cannotTakeThePower.length > 0) process.stdout.write(`no power is taken: ${cannotTakeThePower.join("; ")}\n`);

describe.skipIf(cannotTakeThePower.length > 0)("a hub whose machine loses its power", () => {
  const series = ["--hubs", "sharded-redis@2", "--kinds", "lose-power", "--seed", "2", "--runs", "1"];

  test("has all that it acknowledged when its store is at fsync", async () => {
    const { code, stdout, stderr, leftOver } = await faults(...series, "--out", join(dir, "power-fsync"));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^sharded-redis@2 {2}seed 2 .*loss of power.* none lost, none twice/m);
    expect(leftOver).toEqual([]);
  }, 240_000);

  test("has lost what the kernel had not written when its store is at process", async () => {
    const { code, stderr, leftOver } = await faults(...series, "--durability", "process", "--out", join(dir, "power-process"));
    expect(stderr).toMatch(/sharded-redis@2, seed 2: \d+ lost \(task-/);
    expect(stderr).toMatch(/--kinds lose-power --durability process/);
    expect(code).toBe(4);
    expect(leftOver).toEqual([]);
  }, 240_000);
});

test("says what is wrong before anything is started", async () => {
  const { code, stdout, stderr } = await faults("--hubs", "external,sharded-nats@2x2,sharded-reddis@2");
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(/'external' is not ours to harm/);
  expect(stderr).toMatch(/'sharded-nats@2x2': two NATS servers agree on nothing when one is lost; use one, or three or more/);
  expect(stderr).toMatch(/did you mean sharded-redis@2/);
  const kinds = await faults("--kinds", "kill-node,lose-pawer");
  expect({ code: kinds.code, stdout: kinds.stdout }).toEqual({ code: 2, stdout: "" });
  expect(kinds.stderr).toMatch(/lose-pawer is no fault; give some of .*lose-power/);
  const nothing = await faults("--hubs", "single-tuned", "--kinds", "cut-off-node");
  expect({ code: nothing.code, stdout: nothing.stdout }).toEqual({ code: 2, stdout: "" });
  expect(nothing.stderr).toMatch(/nothing of --kinds cut-off-node can happen to single-tuned/);
});
