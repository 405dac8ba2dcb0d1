/** What each role (hub, redis, nats, generator) has cost between two moments. */
import { performance } from "node:perf_hooks";
import { type ProcessUsage, readUsage } from "./process-usage.ts";

/** One reading of all roles. `atMs` is of this process's monotonic clock. */
export interface UsageMark {
  atMs: number;
  byRole: ReadonlyMap<string, ReadonlyMap<ProcessKey, ProcessUsage>>;
}

/** Its pid on this machine; of one that runs elsewhere, with its machine: pids of two machines may be the same. */
export type ProcessKey = number | `${string}/${number}`;

/** The cost of one role between two marks. Null where the system does not tell. */
export interface RoleUsage {
  wallMs: number;
  cpuSeconds: number;
  /** At the second mark. */
  rssBytes: number;
  voluntarySwitches: number | null;
  involuntarySwitches: number | null;
  readCallBytes: number | null;
  writeCallBytes: number | null;
  writeCalls: number | null;
  diskWriteBytes: number | null;
  processes: number;
  /** Processes of the first mark that had ended by the second: what they used in between is not in the sums. */
  endedPids: number[];
}

export class ProcessSampler {
  readonly #pidsByRole: () => ReadonlyMap<string, readonly number[]>;

  /** Asked anew at each mark, so that a restarted process is followed. */
  constructor(pidsByRole: () => ReadonlyMap<string, readonly number[]>) {
    this.#pidsByRole = pidsByRole;
  }

  mark(): UsageMark {
    const byRole = new Map<string, ReadonlyMap<number, ProcessUsage>>();
    const atMs = performance.now();
    for (const [role, pids] of this.#pidsByRole()) {
      byRole.set(role, new Map(readUsage(pids).map((usage) => [usage.pid, usage])));
    }
    return { atMs, byRole };
  }

  since(from: UsageMark): Map<string, RoleUsage> {
    return usageBetween(from, this.mark());
  }
}

/** A process that is new at the second mark is counted from its start. */
export function usageBetween(from: UsageMark, to: UsageMark): Map<string, RoleUsage> {
  const roles = new Map<string, RoleUsage>();
  for (const role of new Set([...from.byRole.keys(), ...to.byRole.keys()])) {
    const before = from.byRole.get(role) ?? new Map<ProcessKey, ProcessUsage>();
    const after = to.byRole.get(role) ?? new Map<ProcessKey, ProcessUsage>();
    roles.set(role, roleUsage(before, after, to.atMs - from.atMs));
  }
  return roles;
}

function roleUsage(
  before: ReadonlyMap<ProcessKey, ProcessUsage>,
  after: ReadonlyMap<ProcessKey, ProcessUsage>,
  wallMs: number,
): RoleUsage {
  const pairs = [...after].map(([key, now]) => {
    const earlier = before.get(key);
    return { now, earlier: earlier?.startMark === now.startMark ? earlier : undefined };
  });
  const grown = (counter: Counter) =>
    pairs.reduce<number | null>((total, { now, earlier }) => {
      const value = now[counter];
      return total === null || value === null ? null : total + value - (earlier?.[counter] ?? 0);
    }, 0);
  return {
    wallMs,
    cpuSeconds: grown("cpuSeconds") ?? 0,
    rssBytes: pairs.reduce((total, { now }) => total + now.rssBytes, 0),
    voluntarySwitches: grown("voluntarySwitches"),
    involuntarySwitches: grown("involuntarySwitches"),
    readCallBytes: grown("readCallBytes"),
    writeCallBytes: grown("writeCallBytes"),
    writeCalls: grown("writeCalls"),
    diskWriteBytes: grown("diskWriteBytes"),
    processes: after.size,
    endedPids: [...before].filter(([key, old]) => after.get(key)?.startMark !== old.startMark).map(([, old]) => old.pid),
  };
}

type Counter =
  | "cpuSeconds"
  | "voluntarySwitches"
  | "involuntarySwitches"
  | "readCallBytes"
  | "writeCallBytes"
  | "writeCalls"
  | "diskWriteBytes";
