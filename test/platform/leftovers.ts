/** Whether something that a test started is still there. */
import { existsSync } from "node:fs";
import { startMarkOf } from "hubscale/machine";

export interface Left {
  pids: number[];
  folders: string[];
}

/** Waits, for at most `withinMs`, until all processes and folders are gone; says which are not. */
export async function leftOf({ pids, folders }: Left, withinMs = 10_000): Promise<Left> {
  const deadlineMs = Date.now() + withinMs;
  for (;;) {
    const left = {
      pids: pids.filter((pid) => startMarkOf(pid) !== undefined),
      folders: folders.filter((folder) => existsSync(folder)),
    };
    if (left.pids.length + left.folders.length === 0 || Date.now() > deadlineMs) return left;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

export const nothing: Left = { pids: [], folders: [] };
