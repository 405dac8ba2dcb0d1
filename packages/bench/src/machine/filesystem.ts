/** Which filesystem a folder is on: it decides what a sync is worth and what it costs. */
import { readFileSync, statfsSync } from "node:fs";
import { resolve } from "node:path";

/** `f_type` of filesystems that live in memory (statfs(2)). */
const MEMORY_FILESYSTEMS = new Set([0x01021994 /* tmpfs */, 0x858458f6 /* ramfs */]);

/** The first of the folders that exists and is not in memory; the first of all when there is none. Some systems keep /tmp in memory. */
export function diskFolder(candidates: readonly [string, ...string[]]): string {
  return candidates.find((folder) => isOnDisk(folder)) ?? candidates[0];
}

function isOnDisk(folder: string): boolean {
  try {
    return !MEMORY_FILESYSTEMS.has(statfsSync(folder).type);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

export interface Mount {
  /** Filesystem type as the kernel names it, such as `ext4`; null where it cannot be told. */
  filesystem: string | null;
  device: string | null;
}

/** The mount that holds `folder`. */
export function mountOf(folder: string): Mount {
  if (process.platform !== "linux") return { filesystem: null, device: null };
  return mountIn(readFileSync("/proc/self/mountinfo", "utf8"), resolve(folder));
}

/** Format of mountinfo: proc(5). The last of the longest matching mount points is the one in effect. */
export function mountIn(mountinfo: string, path: string): Mount {
  let best: { point: string; mount: Mount } | undefined;
  for (const line of mountinfo.split("\n")) {
    const [left, right] = line.split(" - ");
    const point = left?.split(" ")[4]?.replaceAll("\\040", " ");
    if (point === undefined || right === undefined) continue;
    const inside = path === point || path.startsWith(point.endsWith("/") ? point : `${point}/`);
    if (!inside || (best && best.point.length > point.length)) continue;
    const [filesystem = null, device = null] = right.split(" ");
    best = { point, mount: { filesystem, device } };
  }
  return best?.mount ?? { filesystem: null, device: null };
}
