import { readFileSync } from "node:fs";

/** Files that this process may have open at once, sockets included; undefined where the system does not say. Node raises it to the hard limit at its start. */
export function openFileLimit(platform = process.platform): number | undefined {
  if (platform !== "linux") return undefined;
  return parseOpenFileLimit(readFileSync("/proc/self/limits", "utf8"));
}

export function parseOpenFileLimit(limits: string): number | undefined {
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  return soft === undefined || soft === "unlimited" ? undefined : Number(soft);
}

/** Beside the agents: HTTP connections, Node's own, the modules that it loads. */
const SPARE_FILES = 200;

/** Whether that many agents can have a connection each; `processes`: how many are needed. */
export function roomForAgents(
  { agents, processes }: { agents: number; processes: number },
  limit: number | undefined,
): { ok: true } | { ok: false; needed: number; limit: number; processes: number } {
  const needed = Math.ceil(agents / processes) + SPARE_FILES;
  if (limit === undefined || needed <= limit) return { ok: true };
  return { ok: false, needed, limit, processes: Math.ceil(agents / Math.max(1, limit - SPARE_FILES)) };
}
