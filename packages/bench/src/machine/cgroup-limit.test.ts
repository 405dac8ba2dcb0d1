import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readCpuLimit } from "./cgroup-limit.ts";

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "hubscale-cgroup-test-"));
  mkdirSync(join(root, "outer/inner"), { recursive: true });
  writeFileSync(join(root, "outer/cpu.max"), "150000 100000\n");
  writeFileSync(join(root, "outer/inner/cpu.max"), "max 100000\n");
  mkdirSync(join(root, "cpu/box"), { recursive: true });
  writeFileSync(join(root, "cpu/cpu.cfs_quota_us"), "-1\n");
  writeFileSync(join(root, "cpu/cpu.cfs_period_us"), "100000\n");
  writeFileSync(join(root, "cpu/box/cpu.cfs_quota_us"), "25000\n");
  writeFileSync(join(root, "cpu/box/cpu.cfs_period_us"), "50000\n");
});
afterAll(() => rmSync(root, { recursive: true }));

describe("readCpuLimit", () => {
  it("takes the smallest quota on the way up, v2", () => {
    expect(readCpuLimit(root, "0::/outer/inner\n")).toEqual({ version: "v2", cores: 1.5 });
  });

  it("reads v1", () => {
    expect(readCpuLimit(root, "3:cpu,cpuacct:/box\n0::/\n")).toEqual({ version: "v1", cores: 0.5 });
    expect(readCpuLimit(root, "3:cpu:/\n")).toEqual({ version: "v1", cores: null });
  });

  it("knows of none where there are no groups", () => {
    expect(readCpuLimit(root, "")).toEqual({ version: "none", cores: null });
  });
});
