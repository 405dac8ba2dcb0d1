/** How a hub is run under each tool, and what the tool leaves. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Launcher } from "../drivers/hub-program.ts";
import type { Clinic } from "./clinic.ts";
import { type CpuProfile, type HeapProfile, renderTop, topOfCpu, topOfHeap, type Window } from "./top-functions.ts";

/** `cpu` and `heap` are V8's own and always there; the others are Clinic's. */
export const PROFILE_TOOLS = ["cpu", "heap", "doctor", "flame", "heapprofiler", "bubbleprof"] as const;
export type ProfileTool = (typeof PROFILE_TOOLS)[number];

/** Clinic's bubbleprof gave no page in seven tries on Node 20: only when it is asked for. */
export const USUAL_TOOLS: readonly ProfileTool[] = ["cpu", "heap", "doctor", "flame", "heapprofiler"];

export function needsClinic(tool: ProfileTool): boolean {
  return tool !== "cpu" && tool !== "heap";
}

export function launcherFor(tool: ProfileTool, folder: string, clinic: Clinic | undefined): Launcher {
  const node = process.execPath;
  if (tool === "cpu") return { command: node, args: ["--cpu-prof", "--cpu-prof-dir", folder] };
  if (tool === "heap") return { command: node, args: ["--heap-prof", "--heap-prof-dir", folder] };
  if (!clinic) throw new Error(`${tool} without clinic`);
  // It would ask whether it may report its use, and wait.
  return { command: "env", args: ["NO_INSIGHT=1", node, clinic.module, tool, "--open=false", "--dest", folder, "--", node] };
}

/** Files that are of use to a person, in the tool's folder; for V8's profiles also the list of functions. */
export function outcomeOf(tool: ProfileTool, folder: string, load: Window): { files: string[]; top: string | undefined } {
  const names = readdirSync(folder);
  const ending = tool === "cpu" ? ".cpuprofile" : tool === "heap" ? ".heapprofile" : ".html";
  const files = names.filter((name) => name.endsWith(ending)).map((name) => join(folder, name));
  const [file] = files;
  return { files, top: file === undefined ? undefined : topText(tool, file, load) };
}

function topText(tool: ProfileTool, file: string, load: Window): string | undefined {
  if (tool === "cpu") {
    const profile = JSON.parse(readFileSync(file, "utf8")) as CpuProfile;
    return renderTop("Own time under load, idle time left out", topOfCpu(profile, load), { name: "ms", size: 1000 });
  }
  if (tool === "heap") {
    const profile = JSON.parse(readFileSync(file, "utf8")) as HeapProfile;
    return renderTop("Bytes allocated and still held at the end (sampled)", topOfHeap(profile), { name: "KiB", size: 1024 });
  }
  return undefined;
}
