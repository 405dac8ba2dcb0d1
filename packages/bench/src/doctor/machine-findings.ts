/** What the machine itself allows: cores, quotas, priorities, disk, files, addresses. Each is tried, not guessed. */
import { existsSync, readFileSync, statfsSync } from "node:fs";
import { createServer } from "node:net";
import { getPriority, setPriority } from "node:os";
import type { CpuIsolation } from "../isolation/cpu-quota.ts";
import type { EnvironmentFingerprint } from "../machine/index.ts";
import { isAtLeast } from "../provisioning/server-program.ts";
import { type Finding, missing, note, ok } from "./finding.ts";

/** The floor that package.json names. */
export const OLDEST_NODE = "20.19.0";

export function nodeFinding(version: string): Finding {
  if (isAtLeast(version.replace(/^v/, ""), OLDEST_NODE)) return ok("Node.js", version);
  return missing(
    "Node.js",
    version,
    `older than ${OLDEST_NODE}: nothing here is tested with it`,
    "install Node 20.19 or newer",
  );
}

export function coresFinding({ cpus, cpuLimitCores }: Pick<EnvironmentFingerprint, "cpus" | "cpuLimitCores">): Finding {
  const cores = Math.min(cpus, cpuLimitCores ?? cpus);
  const found = `${cpus} CPUs${cpuLimitCores === null ? "" : `, limited to ${cpuLimitCores}`}`;
  if (cores < 2) {
    const means =
      "the load generator and the hub take turns on one core: capacities are this machine's, and many trials will be invalid";
    return note("cores", found, means, "use a machine, or a container limit, of 2 cores or more");
  }
  if (cores >= 8) return ok("cores", found);
  return ok("cores", `${found}: hubs of up to ${Math.floor((cores - 0.5) / 0.2) - 1} nodes at 0.2 core each`);
}

export function loadFinding({ loadAverage1Min, cpus }: Pick<EnvironmentFingerprint, "loadAverage1Min" | "cpus">): Finding {
  const found = `load average ${loadAverage1Min.toFixed(2)} on ${cpus} CPUs`;
  if (loadAverage1Min <= BUSY_SHARE * cpus) return ok("other programs", found);
  const means = "other programs take CPU from the hubs: capacities come out lower and intervals wider; ratios suffer less";
  return note("other programs", found, means, "stop them or wait; `bench diff` tells when a run began so");
}

/** A quarter of the machine in other hands shows in every trial. */
const BUSY_SHARE = 0.25;

export function quotaFinding(isolation: Pick<CpuIsolation, "kind" | "how">): Finding {
  if (isolation.kind !== "none") return ok("CPU quotas", isolation.how);
  const means =
    "each node cannot be given its own share of a core: several nodes compete for this machine's cores, and scale-out is projected from CPU per task";
  const remedy =
    process.platform === "linux"
      ? "run as root, or with a delegated group: systemd-run --user --scope -p Delegate=yes pnpm bench compare"
      : "measure on Linux, or read CPU-ms/task instead of the capacities";
  return note("CPU quotas", isolation.how, means, remedy);
}

/** Raises our own priority and takes it back: that is what is done for the load generator. */
export function priorityFinding(): Finding {
  const before = getPriority();
  try {
    setPriority(before - 1);
    setPriority(before);
    return ok("priority", "the load generator may go before the hubs");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ERR_SYSTEM_ERROR") throw error;
    const means = "the load generator competes with the hubs: more trials are spoilt by its lateness (they are recognised)";
    return note("priority", "may not be raised", means, "run as root, or allow it: ulimit -e 40");
  }
}

export function diskFinding(
  folder: string,
  { filesystem, device, syncMsP50, syncMsP99, n }: EnvironmentFingerprint["dataDisk"],
): Finding {
  const where = `${filesystem ?? "unknown filesystem"} on ${device ?? "unknown device"} (${folder})`;
  const times = `fsync ${syncMsP50.toPrecision(2)} ms at the median, ${syncMsP99.toPrecision(2)} ms p99, of ${n}`;
  if (filesystem === "tmpfs" || filesystem === "ramfs") {
    return missing(
      "disk",
      where,
      "in memory: an fsync is worth nothing, so nothing durable can be measured",
      "set TMPDIR to a folder on a disk",
    );
  }
  if (syncMsP50 < SUSPICIOUS_SYNC_MS) {
    const means =
      "faster than a disk can be: something acknowledges before the bytes are safe, so a real disk will give other ratios";
    return note("disk", `${where}: ${times}`, means, "set TMPDIR to a disk like that of production, or try --fsync-floor-ms 2");
  }
  return ok("disk", `${where}: ${times}`);
}

/** NVMe with a capacitor behind its cache acknowledges in about 0.02 ms; below there is no device in between. */
const SUSPICIOUS_SYNC_MS = 0.015;

export function spaceFinding(folder: string): Finding {
  const { bavail, bsize } = statfsSync(folder);
  const freeMiB = Math.floor((bavail * bsize) / 2 ** 20);
  const found = `${freeMiB.toLocaleString("en")} MiB free in ${folder}`;
  if (freeMiB >= NEEDED_MIB) return ok("space", found);
  return missing(
    "space",
    found,
    "stores of the hubs and of Redis may fill it in a run",
    `free ${NEEDED_MIB} MiB, or set TMPDIR`,
  );
}

/** A full comparison writes some 300 MiB in all; twice that leaves room for logs of Redis and JetStream. */
const NEEDED_MIB = 600;

/** Undefined on systems that do not tell. */
export function openFilesFinding(limits = "/proc/self/limits"): Finding | undefined {
  if (!existsSync(limits)) return undefined;
  const soft = /^Max open files\s+(\S+)/m.exec(readFileSync(limits, "utf8"))?.[1] ?? "";
  if (soft === "unlimited" || Number(soft) >= WANTED_FILES) return ok("open files", soft);
  const means = `about ${Math.max(0, Number(soft) - OWN_FILES).toLocaleString("en")} agents for each generator process and each node`;
  return note("open files", soft, means, `ulimit -n ${WANTED_FILES} in this shell`);
}

/** Ten thousand idle agents in one process are the largest that a command asks for by default. */
const WANTED_FILES = 11_000;
/** Of Node itself, the store's tables, logs. */
const OWN_FILES = 300;

/** Whether a server can be reached, also from the second loopback address that many connections need. */
export async function loopbackFinding(): Promise<Finding> {
  const refused: string[] = [];
  for (const host of ["127.0.0.1", "127.0.0.2"]) {
    const problem = await bindProblem(host);
    if (problem !== undefined) refused.push(`${host}: ${problem}`);
  }
  const range = "/proc/sys/net/ipv4/ip_local_port_range";
  const [low = 0, high = 0] = existsSync(range) ? readFileSync(range, "utf8").trim().split(/\s+/).map(Number) : [];
  const ports = high > low ? `${(high - low + 1).toLocaleString("en")} ports for each address` : "ports not told";
  if (refused.length === 0) return ok("loopback", ports);
  if (refused.length === 1 && refused[0]?.startsWith("127.0.0.2"))
    return note(
      "loopback",
      refused.join("; "),
      "one source address: up to its ports many agents",
      "ifconfig lo0 alias 127.0.0.2 (macOS)",
    );
  return missing("loopback", refused.join("; "), "no server can be started", "allow programs to listen on 127.0.0.1");
}

function bindProblem(host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve(error.message));
    server.listen(0, host, () => server.close(() => resolve(undefined)));
  });
}

export function accountingFinding(): Finding {
  if (existsSync("/proc/self/task") && existsSync("/proc/self/schedstat"))
    return ok("CPU accounting", "by the kernel, to the nanosecond");
  const means = "CPU per task is known to 10 ms of CPU in a trial, and bytes, switches and fsyncs are not known";
  return note("CPU accounting", "by ps", means, "measure on Linux for the whole account");
}
