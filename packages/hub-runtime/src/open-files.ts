import { readdirSync, readFileSync } from "node:fs";

/** Files that this process may have open at once, sockets included; undefined where the system does not say. Node raises it to the hard limit at its start. */
export function openFileLimit(platform = process.platform): number | undefined {
  if (platform !== "linux") return undefined;
  return parseOpenFileLimit(readFileSync("/proc/self/limits", "utf8"));
}

export function parseOpenFileLimit(limits: string): number | undefined {
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  return soft === undefined || soft === "unlimited" ? undefined : Number(soft);
}

/** Files that this process has open now; undefined where the system does not say. */
export function openFileCount(platform = process.platform): number | undefined {
  return platform === "linux" ? readdirSync("/proc/self/fd").length : undefined;
}
