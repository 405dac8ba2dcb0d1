/**
 * The scale model: each "machine" of a hub gets the same fraction of a core by a CPU quota of the kernel, so that several
 * of them fit on one box without stealing from each other or from the load generator.
 *
 * cgroup v2 (`cpu.max`) and v1 (`cpu.cfs_quota_us`). The period is 20 ms: with the kernel's default of 100 ms a throttled
 * process stands still for up to 80 ms at a time, which would drown every latency.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const QUOTA_PERIOD_US = 20_000;

export type IsolationKind = "cgroup-v2" | "cgroup-v1" | "none";

/** One run's cgroups. Processes are put into a group each; `close` lifts the quotas of those that live and removes the groups. */
export interface CpuIsolation {
  readonly kind: IsolationKind;
  /** Why there is none, or how it is done; for the report. */
  readonly how: string;
  /** Limits the processes together to `cores` (for instance 0.25) under a name that is unique in this run. */
  limit(name: string, pids: readonly number[], cores: number): void;
  close(): void;
}

export function noIsolation(how: string): CpuIsolation {
  return { kind: "none", how, limit: () => undefined, close: () => undefined };
}

/**
 * The best isolation that this machine allows. Tries by making a group; a refusal is a reason, not an error. Groups left behind
 * by a run that was killed outright are removed first: their name carries the process id of that run.
 */
export function openCpuIsolation(ownPid: number, root = "/sys/fs/cgroup"): CpuIsolation {
  const reasons: string[] = [];
  for (const flavour of [V2, V1]) {
    const parent = flavour.parent(root);
    if (parent === undefined) continue;
    removeStaleGroups(parent);
    const dir = join(parent, `hubscale-${ownPid}`);
    try {
      mkdirSync(dir);
      flavour.prepare(dir);
      return new Cgroups(flavour, dir);
    } catch (error) {
      reasons.push(`${flavour.kind}: ${(error as Error).message}`);
      if (existsSync(dir)) rmdirSync(dir);
    }
  }
  return noIsolation(reasons.length > 0 ? reasons.join("; ") : `no CPU controller under ${root}`);
}

interface Flavour {
  kind: "cgroup-v2" | "cgroup-v1";
  parent(root: string): string | undefined;
  prepare(dir: string): void;
  setQuota(group: string, quotaUs: number): void;
}

const V2: Flavour = {
  kind: "cgroup-v2",
  parent: (root) => {
    const controllers = join(root, "cgroup.controllers");
    return existsSync(controllers) && readFileSync(controllers, "utf8").split(/\s+/).includes("cpu") ? root : undefined;
  },
  prepare: (dir) => writeFileSync(join(dir, "cgroup.subtree_control"), "+cpu"),
  setQuota: (group, quotaUs) => writeFileSync(join(group, "cpu.max"), `${quotaUs} ${QUOTA_PERIOD_US}`),
};

const V1: Flavour = {
  kind: "cgroup-v1",
  parent: (root) =>
    ["cpu", "cpu,cpuacct"].map((name) => join(root, name)).find((dir) => existsSync(join(dir, "cpu.cfs_quota_us"))),
  prepare: () => undefined,
  setQuota: (group, quotaUs) => {
    writeFileSync(join(group, "cpu.cfs_period_us"), String(QUOTA_PERIOD_US));
    writeFileSync(join(group, "cpu.cfs_quota_us"), String(quotaUs));
  },
};

class Cgroups implements CpuIsolation {
  readonly kind;
  readonly how;
  readonly #flavour: Flavour;
  readonly #dir: string;
  readonly #groups: string[] = [];

  constructor(flavour: Flavour, dir: string) {
    this.kind = flavour.kind;
    this.how = `${flavour.kind}, period ${QUOTA_PERIOD_US / 1000} ms`;
    this.#flavour = flavour;
    this.#dir = dir;
  }

  limit(name: string, pids: readonly number[], cores: number): void {
    const group = join(this.#dir, name.replaceAll(/[^\w.-]/g, "_"));
    if (!existsSync(group)) {
      mkdirSync(group);
      this.#groups.push(group);
    }
    for (const pid of pids) writeFileSync(join(group, "cgroup.procs"), String(pid));
    this.#flavour.setQuota(group, Math.round(cores * QUOTA_PERIOD_US));
  }

  /** A group can only be removed when it is empty, so what still lives in it goes back to the parent of all. */
  close(): void {
    const home = join(this.#dir, "..", "cgroup.procs");
    for (const group of this.#groups.toReversed()) {
      for (const pid of readFileSync(join(group, "cgroup.procs"), "utf8").split("\n").filter(Boolean)) moveHome(home, pid);
      rmdirSync(group);
    }
    this.#groups.length = 0;
    rmdirSync(this.#dir);
  }
}

function removeStaleGroups(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = /^hubscale-(\d+)$/.exec(name)?.[1];
    if (pid === undefined || existsSync(join("/proc", pid))) continue;
    const dir = join(parent, name);
    const groups = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    for (const group of groups) rmdirSync(join(dir, group.name));
    rmdirSync(dir);
  }
}

/** A process that ended between the listing and the move is no longer ours to move. */
function moveHome(home: string, pid: string): void {
  try {
    writeFileSync(home, pid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
