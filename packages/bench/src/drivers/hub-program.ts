/** One program of a hub: started, awaited until it says that it is ready. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ManagedProcess, type ProcessCare, STAY_COMPILED } from "../machine/index.ts";

/** The one line that every hub program prints on stdout when it can be used. */
export interface ReadyLine {
  ready: true;
  ws: string[];
  http: string[];
  pids: Record<string, number[]>;
}

export interface HubProgram {
  name: string;
  program: HubProgramName;
  args: readonly string[];
}

/** By name, so that another machine runs its own copy. */
export type HubProgramName = "hub-single" | "hub-sharded" | "null-hub";

function moduleOf(program: HubProgramName): string {
  switch (program) {
    case "hub-single":
      return import.meta.resolve("@hubscale/hub-single/main");
    case "hub-sharded":
      return import.meta.resolve("@hubscale/hub-sharded/node-main");
    case "null-hub":
      return new URL("../load/null-hub-main.js", import.meta.url).href;
  }
}

export interface StartOptions {
  care: ProcessCare;
  /** `inherit`, or a folder for the log files. */
  log: string;
  readyWithinMs: number;
  /** Runs node, with its own arguments before the program's: a profiler. Default: node itself. */
  launcher?: Launcher | undefined;
}

export interface Launcher {
  command: string;
  args: readonly string[];
}

export const READY_WITHIN_MS = 60_000;

export interface StartedProgram {
  process: ManagedProcess;
  ready: ReadyLine;
}

/** Rejects with the end of the program's log when it ends, is late, or says something else; it is ended then. */
export async function startProgram(program: HubProgram, options: StartOptions): Promise<StartedProgram> {
  const { care, log, readyWithinMs, launcher = { command: process.execPath, args: STAY_COMPILED } } = options;
  const child = await care.start({
    name: program.name,
    role: "hub",
    command: launcher.command,
    args: [...launcher.args, fileURLToPath(moduleOf(program.program)), ...program.args, "--exit-with-parent"],
    stdout: "lines",
    log: log === "inherit" ? log : join(log, `${program.name.replaceAll(" ", "-")}.log`),
    holdStdin: true,
  });
  try {
    // A profiler has words of its own to say before.
    const line = await child.firstLine(readyWithinMs, options.launcher ? (text) => readyLineOf(text) !== undefined : undefined);
    const ready = readyLineOf(line);
    if (!ready) throw new Error(`${program.name} began with this instead of its ready line: ${line.slice(0, 200)}`);
    return { process: child, ready };
  } catch (error) {
    await child.stop(0);
    throw error;
  }
}

/** All at once, the first under the launcher. When one fails the others are ended too. */
export async function startPrograms(programs: readonly HubProgram[], options: StartOptions): Promise<StartedProgram[]> {
  const outcomes = await Promise.allSettled(
    programs.map((program, i) => startProgram(program, i === 0 ? options : { ...options, launcher: undefined })),
  );
  const started = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (!failed) return started;
  await Promise.all(started.map(({ process }) => process.stop()));
  throw failed.reason;
}

export function readyLineOf(line: string): ReadyLine | undefined {
  const value = parsed(line);
  if (typeof value !== "object" || value === null) return undefined;
  const { ready, ws, http, pids } = value as Record<string, unknown>;
  if (ready !== true || !isList(ws, "string") || !isList(http, "string") || typeof pids !== "object" || pids === null)
    return undefined;
  if (ws.length === 0 || http.length === 0 || !Object.values(pids).every((list) => isList(list, "number"))) return undefined;
  return { ready, ws: ws as string[], http: http as string[], pids: pids as Record<string, number[]> };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // Not JSON: no ready line, which the caller says with the line itself.
    return undefined;
  }
}

function isList(value: unknown, of: "string" | "number"): value is unknown[] {
  return Array.isArray(value) && value.every((item) => typeof item === of);
}
