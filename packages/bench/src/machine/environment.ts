/** The fingerprint of the machine and the code: a result without it cannot be compared with another. */
import { spawnSync } from "node:child_process";
import { arch, cpus, loadavg, platform, release, totalmem } from "node:os";
import { sep } from "node:path";
import { type CgroupLimit, readCpuLimit } from "./cgroup-limit.ts";
import { type DiskSyncLatency, measureDiskSync } from "./disk-sync.ts";
import { mountOf } from "./filesystem.ts";

export interface EnvironmentFingerprint {
  cpuModel: string;
  /** Logical CPUs that the system shows. */
  cpus: number;
  /** CPU limit that the process already runs under (a container's), in cores; null: none. */
  cpuLimitCores: number | null;
  cgroup: CgroupLimit["version"];
  memoryBytes: number;
  kernel: string;
  platform: string;
  /** Over the minute before the run; above about half a core something else was running. */
  loadAverage1Min: number;
  dataDisk: { filesystem: string | null; device: string | null } & DiskSyncLatency;
  node: string;
  commit: { hash: string; dirty: boolean } | null;
}

export interface EnvironmentQuery {
  /** Where the servers of the run keep their data. */
  dataFolder: string;
  /** A folder of the source, for the commit. */
  sourceFolder: string;
}

/** Takes up to half a second, for the disk. */
export function readEnvironment({ dataFolder, sourceFolder }: EnvironmentQuery): EnvironmentFingerprint {
  const limit = readCpuLimit();
  return {
    cpuModel: cpus()[0]?.model.trim() ?? "unknown",
    cpus: cpus().length,
    cpuLimitCores: limit.cores,
    cgroup: limit.version,
    memoryBytes: totalmem(),
    kernel: release(),
    platform: `${platform()} ${arch()}`,
    loadAverage1Min: loadavg()[0] ?? 0,
    dataDisk: { ...mountOf(dataFolder), ...measureDiskSync(dataFolder) },
    node: process.version,
    commit: readCommit(sourceFolder),
  };
}

/** Null outside of a checkout, without git, and for an installed package: the commit around that is of another project. */
export function readCommit(folder: string): EnvironmentFingerprint["commit"] {
  if (folder.split(sep).includes("node_modules")) return null;
  const git = (...args: string[]) => spawnSync("git", ["-C", folder, ...args], { encoding: "utf8" });
  const head = git("rev-parse", "HEAD");
  if (head.status !== 0) return null;
  return { hash: head.stdout.trim(), dirty: git("status", "--porcelain").stdout.trim() !== "" };
}
