import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runBench } from "./bench-program.ts";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "hubscale-test-"));
});
afterAll(() => rmSync(dir, { recursive: true }));

describe("bench compare refuses what it cannot do, before anything is started", () => {
  it.each([
    ["an unknown option", ["compare", "--efort", "smoke"], /--effort/],
    ["an unknown command", ["comparee"], /compare/],
    ["an unknown effort", ["compare", "--effort", "lazy"], /smoke, quick, full/],
    ["an unknown hub id", ["compare", "--hubs", "single-tunde"], /did you mean single-tuned/],
    ["an unreadable SLO", ["compare", "--slo", "fast"], /assign\.p99 < 100ms/],
    ["a bad seed", ["compare", "--seed", "x"], /whole number/],
    ["a share of a core that is none", ["compare", "--cores", "0"], /from 0\.1 to 64/],
    ["a workload that is not there", ["compare", "--workload", "nope.yaml"], /cannot read the workload/],
  ])("%s: exit 2, one clear message", async (_, args, message) => {
    const { code, stdout, stderr } = await runBench(args);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it("a wrong field in a workload file is named with its line", async () => {
    const file = join(dir, "broken.yaml");
    writeFileSync(file, "name: x\nslo: assign.p99 < 100ms\nagents: many\n");
    const { code, stderr } = await runBench(["compare", "--workload", file]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/broken\.yaml:3: agents:/);
  });

  it("an output folder that cannot be made: exit 1, and what to do", async () => {
    const file = join(dir, "a-file");
    writeFileSync(file, "");
    const { code, stderr } = await runBench(["compare", "--out", join(file, "out")]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/cannot write to .*--out/);
  });

  it("a report of a folder without results: exit 2, and the file that is missing", async () => {
    const { code, stderr } = await runBench(["report", dir]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/results\.json/);
  });
});

it("no Redis and no way to get one: exit 1, and the next step", async () => {
  // A PATH on which there is Node and nothing else, and an empty cache.
  const bin = join(dir, "bin");
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, "node"));
  chmodSync(dirname(bin), 0o755);
  const { code, stdout, stderr } = await runBench(
    ["compare", "--effort", "smoke", "--hubs", "sharded-redis@1", "--out", join(dir, "none"), "--no-progress"],
    { PATH: bin, XDG_CACHE_HOME: join(dir, "cache"), DOCKER_HOST: "unix:///nonexistent/docker.sock" },
  );
  expect(code).toBe(1);
  expect(stdout).toBe("");
  expect(stderr).toMatch(/redis-server/);
  expect(stderr).toMatch(/apt-get install|HUBSCALE_REDIS_URL/);
  expect(stderr).toMatch(/--hubs/);
});
