/**
 * The watchdog of one program: it holds the other end of a pipe, and does nothing until that end closes. It closes when the
 * program ends in any way, SIGKILL included; what is then still on the list is ended, its folders are unmounted and removed, and the
 * watchdog ends too. An orderly program has emptied the list before.
 */
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { detachMount } from "./mounts.ts";
import { signalGroup, startMarkOf } from "./process-identity.ts";
import type { WatchdogNote } from "./watchdog-protocol.ts";

/** For how long a killed process may take to disappear before its folder is removed all the same. */
const GONE_WITHIN_MS = 3_000;

const startMarks = new Map<number, string>();
const folders = new Set<string>();
const mounts = new Set<string>();

for await (const line of createInterface({ input: process.stdin })) take(JSON.parse(line) as WatchdogNote);
for (const [pid, startMark] of startMarks) if (startMarkOf(pid) === startMark) signalGroup(pid, "SIGKILL");
const deadline = Date.now() + GONE_WITHIN_MS;
while (anyAlive() && Date.now() < deadline) await delay(20);
for (const point of mounts) detachMount(point);
for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });

function take(note: WatchdogNote): void {
  if ("process" in note) startMarks.set(note.process, note.startMark);
  else if ("processEnded" in note) startMarks.delete(note.processEnded);
  else if ("folder" in note) folders.add(note.folder);
  else if ("folderRemoved" in note) folders.delete(note.folderRemoved);
  else if ("mount" in note) mounts.add(note.mount);
  else mounts.delete(note.unmounted);
}

function anyAlive(): boolean {
  for (const [pid, startMark] of startMarks) if (startMarkOf(pid) === startMark) return true;
  return false;
}
