/** The CPU limit that this process was started under, for instance by a container. */
import { join } from "node:path";
import { readIfPresent } from "./process-identity.ts";

export interface CgroupLimit {
  version: "v2" | "v1" | "none";
  /** The smallest quota of the own group and its ancestors, in cores. Null: unlimited. */
  cores: number | null;
}

export function readCpuLimit(root = "/sys/fs/cgroup", membership = readIfPresent("/proc/self/cgroup")): CgroupLimit {
  for (const line of membership?.split("\n") ?? []) {
    const [, controllers, path] = line.split(":");
    if (path === undefined || controllers === undefined) continue;
    if (controllers.split(",").includes("cpu"))
      return { version: "v1", cores: smallest(path, (dir) => quotaV1(join(root, "cpu", dir))) };
  }
  const own = membership
    ?.split("\n")
    .find((line) => line.startsWith("0::"))
    ?.slice(3);
  if (own === undefined) return { version: "none", cores: null };
  return { version: "v2", cores: smallest(own, (dir) => quotaV2(join(root, dir))) };
}

function smallest(path: string, quotaAt: (dir: string) => number | null): number | null {
  const parts = path.split("/").filter(Boolean);
  const quotas: number[] = [];
  for (let depth = 0; depth <= parts.length; depth++) {
    const quota = quotaAt(parts.slice(0, depth).join("/"));
    if (quota !== null) quotas.push(quota);
  }
  return quotas.length > 0 ? Math.min(...quotas) : null;
}

function quotaV2(dir: string): number | null {
  const [quota, period] = (readIfPresent(join(dir, "cpu.max")) ?? "max").trim().split(" ");
  return quota === "max" ? null : Number(quota) / Number(period);
}

function quotaV1(dir: string): number | null {
  const quota = Number(readIfPresent(join(dir, "cpu.cfs_quota_us")) ?? -1);
  const period = Number(readIfPresent(join(dir, "cpu.cfs_period_us")) ?? 0);
  return quota > 0 && period > 0 ? quota / period : null;
}
