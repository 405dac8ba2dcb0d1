/** The account of the operating system against the account of the process itself. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ProcessCare, ProcessSampler, readCommit, readCpuSeconds, readEnvironment, usageBetween } from "hubscale/machine";
import { afterAll, expect, it } from "vitest";

const care = new ProcessCare({ handleSignals: false });
afterAll(() => care.close());

const burner = fileURLToPath(new URL("./programs/cpu-burner.mjs", import.meta.url));
const startBurner = () =>
  care.start({ name: "burner", role: "hub", command: process.execPath, args: [burner], stdout: "lines", log: "inherit" });

it("counts the CPU of a child, its worker threads included", async () => {
  const sampler = new ProcessSampler(() => new Map([["hub", care.pidsByRole.get("hub") ?? []]]));
  const before = sampler.mark();
  const child = await startBurner();
  const own = JSON.parse(await child.firstLine(30_000)) as { cpuSeconds: number };
  const after = sampler.mark();
  const usage = usageBetween(before, after).get("hub");
  expect(own.cpuSeconds).toBeGreaterThan(0.5);
  // Ticks are 10 ms, and printing the line costs a little after the child has looked at its own clock.
  expect(Math.abs((usage?.cpuSeconds ?? 0) - own.cpuSeconds)).toBeLessThan(0.03 + 0.05 * own.cpuSeconds);
  expect(usage).toMatchObject({ processes: 1, endedPids: [] });
  expect(usage?.rssBytes).toBeGreaterThan(10_000_000);
  expect(readCpuSeconds([child.pid])).toBeGreaterThanOrEqual(usage?.cpuSeconds ?? Number.NaN);
  await child.stop();
  expect(usageBetween(after, sampler.mark()).get("hub")).toMatchObject({ processes: 0, endedPids: [child.pid], cpuSeconds: 0 });
  expect(readCpuSeconds([child.pid])).toBe(0);
});

it("sees only what happened between two marks", async () => {
  const child = await startBurner();
  await child.firstLine(30_000);
  const sampler = new ProcessSampler(() => new Map([["hub", [child.pid]]]));
  const idle = sampler.since(sampler.mark()).get("hub");
  expect(idle?.cpuSeconds).toBeLessThan(0.05);
  await child.stop();
});

it("tells this machine and this commit apart from others", () => {
  const folder = care.temporaryFolder("environment");
  const fingerprint = readEnvironment({ dataFolder: folder, sourceFolder: folder });
  expect(fingerprint).toMatchObject({ node: process.version, commit: null });
  expect(fingerprint.memoryBytes).toBeGreaterThan(100_000_000);
  expect(fingerprint.dataDisk.n).toBeGreaterThan(0);
  expect(fingerprint.dataDisk.syncMsP99).toBeGreaterThanOrEqual(fingerprint.dataDisk.syncMsP50);
});

it("knows the commit of a checkout, and whether it was changed", () => {
  const folder = care.temporaryFolder("checkout");
  const identity = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"];
  const git = (...args: string[]) => execFileSync("git", ["-C", folder, ...identity, ...args], { encoding: "utf8" }).trim();
  git("init", "-q");
  git("commit", "-q", "--allow-empty", "-m", "first");
  expect(readCommit(folder)).toEqual({ hash: git("rev-parse", "HEAD"), dirty: false });
  writeFileSync(join(folder, "new"), "");
  expect(readCommit(folder)?.dirty).toBe(true);
  const installed = join(folder, "node_modules", "hubscale", "dist");
  mkdirSync(installed, { recursive: true });
  expect(readCommit(installed)).toBeNull();
});
