/**
 * A process id is reused by the kernel; a process id with its start time is not. Whoever ends a process by a remembered id
 * compares both first.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** When the process started, in the system's own words: equal for the same process, different for a later one with its id. Undefined: no such process, or ended. */
export function startMarkOf(pid: number): string | undefined {
  return process.platform === "linux" ? startTicksOf(pid) : startTimeByPs(pid);
}

/** A zombie counts as ended: it holds no port, no file and no memory. */
function startTicksOf(pid: number): string | undefined {
  const stat = readIfPresent(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const fields = statFields(stat);
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

/**
 * The fields of /proc/PID/stat after the command name, which may itself hold spaces and brackets: [0] is the state (field 3 in
 * proc(5)), so field n of the manual is at n - 3.
 */
export function statFields(stat: string): string[] {
  return stat
    .slice(stat.lastIndexOf(")") + 2)
    .trim()
    .split(" ");
}

function startTimeByPs(pid: number): string | undefined {
  const { stdout } = spawnSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], { encoding: "utf8" });
  const [state, ...started] = (stdout ?? "").trim().split(/\s+/);
  return started.length === 0 || state?.startsWith("Z") ? undefined : started.join(" ");
}

/** The text of a /proc file, or undefined when its process has gone or is not ours to read. */
export function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH" || code === "EACCES") return undefined;
    throw error;
  }
}

/** Sends a signal to the process group that a child leads, or to the child alone where it leads none. False: already gone. */
export function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, signal);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
  return false;
}
