/**
 * What the operating system has counted for a process: the only account of cost that means the same for a hub in
 * JavaScript, for Redis in C and for NATS in Go.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { readIfPresent, statFields } from "./process-identity.ts";

/** Counters since the start of the process, over all its threads. Null where the system does not tell. */
export interface ProcessUsage {
  pid: number;
  /** See `startMarkOf`: two readings with different marks are of different processes. */
  startMark: string;
  /** User and system time. */
  cpuSeconds: number;
  /** Resident memory now. */
  rssBytes: number;
  /** Voluntary (it waited) and involuntary (it was taken off the CPU), living threads only. */
  voluntarySwitches: number | null;
  involuntarySwitches: number | null;
  /** Through read and write calls, files and sockets alike. */
  readCallBytes: number | null;
  writeCallBytes: number | null;
  writeCalls: number | null;
  /** Sent to the block layer: page granular, so at least 4 KiB for each synced append. */
  diskWriteBytes: number | null;
}

/** Readings of those of the processes that live. */
export function readUsage(pids: readonly number[]): ProcessUsage[] {
  if (process.platform !== "linux") return usageByPs(pids);
  return pids.map(usageFromProc).filter((usage) => usage !== undefined);
}

/** CPU seconds that the processes have used together since their start; a process that has ended counts nothing. */
export function readCpuSeconds(pids: readonly number[]): number {
  return readUsage(pids).reduce((sum, usage) => sum + usage.cpuSeconds, 0);
}

function usageFromProc(pid: number): ProcessUsage | undefined {
  const stat = readIfPresent(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const fields = statFields(stat);
  const field = (n: number) => Number(fields[n - 3]);
  const io = parseCounters(readIfPresent(`/proc/${pid}/io`));
  const threads = readThreads(pid);
  return {
    pid,
    startMark: fields[19] ?? "",
    cpuSeconds: cpuSecondsOf((field(14) + field(15)) / clockTicksPerSecond(), threads.cpuSeconds),
    rssBytes: field(24) * pageBytes(),
    voluntarySwitches: threads.voluntarySwitches,
    involuntarySwitches: threads.involuntarySwitches,
    readCallBytes: io.get("rchar") ?? null,
    writeCallBytes: io.get("wchar") ?? null,
    writeCalls: io.get("syscw") ?? null,
    diskWriteBytes: io.get("write_bytes") ?? null,
  };
}

/** Threads that have ended with less CPU than this are not worth falling back to whole ticks for. */
const ENDED_THREADS_SECONDS = 0.05;

/**
 * /proc/PID/stat counts ended threads too, but in ticks of 10 ms; the sum of the threads' schedstat is exact to the nanosecond
 * but knows only the living. The exact one is taken unless it misses more than rounding explains.
 */
function cpuSecondsOf(tickSeconds: number, threadSeconds: number | null): number {
  if (threadSeconds === null || tickSeconds - threadSeconds > ENDED_THREADS_SECONDS) return tickSeconds;
  return threadSeconds;
}

function readThreads(pid: number) {
  let cpuNanoseconds: number | null = 0;
  let voluntarySwitches: number | null = 0;
  let involuntarySwitches: number | null = 0;
  for (const thread of threadsOf(pid)) {
    const status = parseCounters(readIfPresent(`/proc/${pid}/task/${thread}/status`));
    const onCpu = readIfPresent(`/proc/${pid}/task/${thread}/schedstat`)?.split(" ")[0];
    voluntarySwitches = sum(voluntarySwitches, status.get("voluntary_ctxt_switches"));
    involuntarySwitches = sum(involuntarySwitches, status.get("nonvoluntary_ctxt_switches"));
    cpuNanoseconds = sum(cpuNanoseconds, onCpu === undefined ? undefined : Number(onCpu));
  }
  return { voluntarySwitches, involuntarySwitches, cpuSeconds: cpuNanoseconds === null ? null : cpuNanoseconds / 1e9 };
}

const sum = (total: number | null, part: number | undefined) => (total === null || part === undefined ? null : total + part);

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** `name: 123` lines, as in /proc/PID/io and /proc/PID/status. */
function parseCounters(text: string | undefined): Map<string, number> {
  const counters = new Map<string, number>();
  for (const line of text?.split("\n") ?? []) {
    const [name, value] = line.split(":");
    if (name !== undefined && value !== undefined) counters.set(name, Number.parseInt(value, 10));
  }
  return counters;
}

/** getconf is asked once per quantity and process; both are constants of the kernel. */
const systemConstants = new Map<string, number>();

function systemConstant(name: string): number {
  const known = systemConstants.get(name);
  if (known !== undefined) return known;
  const value = Number(execFileSync("getconf", [name], { encoding: "utf8" }));
  systemConstants.set(name, value);
  return value;
}

const clockTicksPerSecond = () => systemConstant("CLK_TCK");
const pageBytes = () => systemConstant("PAGESIZE");

function usageByPs(pids: readonly number[]): ProcessUsage[] {
  if (pids.length === 0) return [];
  const { stdout } = spawnSync("ps", ["-o", "pid=,rss=,time=,lstart=", "-p", pids.join(",")], { encoding: "utf8" });
  return parsePs(stdout ?? "");
}

/** `pid rss-in-KiB time start…`; macOS and BSD print the time with hundredths. Counters that ps does not have are null. */
export function parsePs(text: string): ProcessUsage[] {
  return text
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns.length > 3)
    .map(([pid, rss, time, ...started]) => ({
      pid: Number(pid),
      startMark: started.join(" "),
      cpuSeconds: secondsOf(time ?? ""),
      rssBytes: Number(rss) * 1024,
      voluntarySwitches: null,
      involuntarySwitches: null,
      readCallBytes: null,
      writeCallBytes: null,
      writeCalls: null,
      diskWriteBytes: null,
    }));
}

/** `[[days-]hours:]minutes:seconds[.hundredths]` */
function secondsOf(time: string): number {
  const [days, clock] = time.includes("-") ? time.split("-") : ["0", time];
  const parts = (clock ?? "").split(":").map(Number);
  return parts.reduce((seconds, part) => seconds * 60 + part, 0) + Number(days) * 86_400;
}
