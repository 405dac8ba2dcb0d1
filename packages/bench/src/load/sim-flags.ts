import { parseArgs } from "node:util";
import type { Fleet, WorkMix } from "@hubscale/fleet-model";
import { fleetAgents } from "@hubscale/fleet-model";
import { parseWorkTime, WORK_TIME_HELP, type WorkTime } from "@hubscale/sidecar-sim";
import type { Arrivals } from "./arrivals.ts";
import { loadFleet } from "../workload/fleet-file.ts";
import { loadWorkload, type Workload, workTimeOf } from "../workload/workload.ts";

export interface SimSettings {
  ws: string[];
  http: string[];
  /** Of the fleet, if there is one. */
  agents: number;
  /** Further processes that the agents are dealt to; 0: they live in this one. */
  processes: number;
  jitter: boolean;
  workTime: WorkTime;
  progress: boolean;
  /** Tasks per second submitted; 0: none. */
  ratePerSec: number;
  durationMs: number | null;
  timeScale: number;
  seed: number;
  failShare: number;
  /** Undefined: new for each run, unless a token file keeps the agents' names. */
  prefix: string | undefined;
  tokenFile: string | undefined;
  /** What is submitted. */
  task: { descriptionChars: number; metadataBytes: number };
  arrivals: Arrivals;
  /** Agents on simulated hosts, who do the tasks of the mix; undefined: agents that only take their time. */
  fleet: { fleet: Fleet; mix: WorkMix } | undefined;
  /** A server that speaks the Messages API, in place of a stub. */
  claudeUrl: string | undefined;
}

export type SimFlags = { ok: true; settings: SimSettings } | { ok: true; help: true } | { ok: false; problem: string };

export const SIM_HELP = `Simulated sidecars for any task hub that speaks the wire of docs/wire.md.

  pnpm sim --hub ws://127.0.0.1:4000/ws --agents 100 --rate 50

  --hub URL          WebSocket URL of the hub; again for each further node (required)
  --http URL         HTTP URL of the hub; again for each further node (default: made from --hub)
  --agents N         simulated sidecars (default 10, or the workload's; a fleet has its own)
  --processes N      deal the agents to N processes, for more than one may open files for (default 1)
  --work-ms T        work time of a task: 250, exp:250 (mean), lognormal:250,0.8 (median, sigma) (default 1000; 0: at once)
  --progress         working agents stream progress, ten frames a second
  --fail-share P     share of the tasks that fail, 0 to 1 (default 0)
  --workload FILE    a shipped workload or a YAML file: agents, work, sizes and, with --fleet, the tiers of work
  --fleet FILE       a shipped fleet or a YAML file: its hosts, GPUs (as Ollama stubs), lines and API (as a stub) do the work
  --claude-url URL   with --fleet: this Messages API in place of the stub (key in ANTHROPIC_API_KEY)
  --rate R           tasks submitted per second, at random times (default 0: serve what others submit)
  --duration-s S     stop after S seconds (default: until Ctrl-C)
  --time-scale X     sidecars live X times faster than life, all their timers included (default 1)
  --jitter           draw half of each reconnect's delay (default: 1 s doubling to 60 s, as it is)
  --seed N           seed of all random numbers (default 1)
  --token-file FILE  keep the agents' tokens there, to come back as the same agents
  --prefix NAME      agents are called NAME-0, NAME-1, … (default: a new name each run; "sim" with --token-file)

Ends with 0; 1 when it could not run; 2 when a flag is wrong; 4 when the hub lost an acknowledged task, ended one twice, took a
stale outcome, or cannot be asked about what did not end.
`;

const MAX_AGENTS = 100_000;

/** Reads the command line of `sim`. */
export function parseSimFlags(args: readonly string[]): SimFlags {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (error) {
    return { ok: false, problem: (error as Error).message };
  }
  if (values.help) return { ok: true, help: true };
  const problems: string[] = [];
  const files = readFiles(values, problems);
  const { workload } = files;
  const number = (flag: string, text: string, range: { min: number; max: number; whole?: boolean }) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (value >= range.min && value <= range.max && (!range.whole || Number.isInteger(value))) return value;
    problems.push(
      `--${flag}: '${text}' is not ${range.whole ? "a whole number" : "a number"} from ${range.min} to ${range.max}`,
    );
    return range.min;
  };
  const ws = (values.hub ?? []).map((text) => wsUrl(text, problems));
  if (ws.length === 0) problems.push("--hub is missing: give the hub's WebSocket URL, such as ws://127.0.0.1:4000/ws");
  const http =
    values.http?.map((text) => httpUrl(text, problems)) ?? ws.map((url) => new URL(url.replace(/^ws/, "http")).origin);
  const workText = values["work-ms"];
  const workTime = workText === undefined && workload ? workTimeOf(workload) : parseWorkTime(workText ?? "1000");
  if (!workTime) problems.push(`--work-ms: cannot read '${workText}'; ${WORK_TIME_HELP}`);
  const prefix = values.prefix ?? (values["token-file"] === undefined ? undefined : "sim");
  if (prefix !== undefined && !/^[\w.-]{1,100}$/.test(prefix)) {
    problems.push(`--prefix: '${prefix}' must be 1 to 100 letters, digits, '.', '_' or '-'`);
  }
  const processes = number("processes", values.processes, { min: 1, max: 64, whole: true });
  const agents = files.fleet
    ? fleetAgents(files.fleet.fleet)
    : number("agents", values.agents ?? String(workload?.agents ?? 10), { min: 1, max: MAX_AGENTS, whole: true });
  if (files.fleet && processes > 1)
    problems.push("--processes: a --fleet's hosts and lines are shared, so it runs in one process");
  if (processes > agents) problems.push(`--processes: ${processes} for ${agents} agents would leave some empty`);
  const settings = {
    ws,
    http,
    agents,
    processes: processes === 1 ? 0 : processes,
    jitter: values.jitter,
    workTime: workTime ?? { kind: "constant" as const, ms: 0 },
    progress: values.progress || (workload?.streaming ?? false),
    ratePerSec: number("rate", values.rate, { min: 0, max: 100_000 }),
    durationMs:
      values["duration-s"] === undefined ? null : 1000 * number("duration-s", values["duration-s"], { min: 0.1, max: 1e6 }),
    timeScale: number("time-scale", values["time-scale"], { min: 0.001, max: 10_000 }),
    seed: number("seed", values.seed, { min: 0, max: Number.MAX_SAFE_INTEGER, whole: true }),
    failShare: number("fail-share", values["fail-share"] ?? "0", { min: 0, max: 1 }),
    prefix,
    tokenFile: values["token-file"],
    task: {
      descriptionChars: workload?.task.description_chars ?? 200,
      metadataBytes: workload?.task.metadata_bytes ?? 100,
    },
    arrivals: workload?.arrivals ?? ("poisson" as const),
    fleet: files.fleet,
    claudeUrl: values["claude-url"] === undefined ? undefined : baseUrl(values["claude-url"], problems),
  };
  if (settings.fleet && settings.agents === 0) problems.push("--fleet: the fleet has no agents");
  return problems.length === 0 ? { ok: true, settings } : { ok: false, problem: problems.join("\n     ") };
}

/** What `--fleet` does when no workload says it. */
const FLEET_WORKLOAD = "coding";

function readFiles(
  values: ReturnType<typeof parse>,
  problems: string[],
): { workload: Workload | undefined; fleet: SimSettings["fleet"] } {
  const { fleet: fleetName, workload: workloadName = fleetName === undefined ? undefined : FLEET_WORKLOAD } = values;
  const loaded = workloadName === undefined ? undefined : loadWorkload(workloadName);
  if (loaded && !loaded.ok) problems.push(...loaded.problems);
  const workload = loaded?.ok ? loaded.workload : undefined;
  if (fleetName === undefined) {
    if (values["claude-url"] !== undefined) problems.push("--claude-url means nothing without --fleet");
    return { workload, fleet: undefined };
  }
  for (const flag of ["agents", "work-ms", "fail-share"] as const) {
    if (values[flag] !== undefined) problems.push(`--${flag}: the fleet and the workload's tiers say this; leave it out`);
  }
  const fleet = loadFleet(fleetName);
  if (!fleet.ok) problems.push(...fleet.problems);
  if (loaded?.ok && !loaded.mix) problems.push(`--workload ${workloadName}: has no tiers, which agents of a fleet need`);
  return { workload, fleet: fleet.ok && loaded?.ok && loaded.mix ? { fleet: fleet.fleet, mix: loaded.mix } : undefined };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      hub: { type: "string", multiple: true },
      http: { type: "string", multiple: true },
      agents: { type: "string" },
      processes: { type: "string", default: "1" },
      jitter: { type: "boolean", default: false },
      "work-ms": { type: "string" },
      progress: { type: "boolean", default: false },
      "fail-share": { type: "string" },
      workload: { type: "string" },
      fleet: { type: "string" },
      "claude-url": { type: "string" },
      rate: { type: "string", default: "0" },
      "duration-s": { type: "string" },
      "time-scale": { type: "string", default: "1" },
      seed: { type: "string", default: "1" },
      "token-file": { type: "string" },
      prefix: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  }).values;
}

/** A URL without a path gets the contract's `/ws`. */
function wsUrl(text: string, problems: string[]): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "ws:" && url?.protocol !== "wss:") {
    problems.push(`--hub: '${text}' is not a WebSocket URL (ws://host:port/ws)`);
    return "ws://127.0.0.1/ws";
  }
  if (url.pathname === "/") url.pathname = "/ws";
  return url.href;
}

function httpUrl(text: string, problems: string[]): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    problems.push(`--http: '${text}' is not an HTTP URL (http://host:port)`);
    return "http://127.0.0.1";
  }
  return url.origin;
}

/** Of an API: its path, if it has one, comes before every request's. */
function baseUrl(text: string, problems: string[]): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url.href;
  problems.push(`--claude-url: '${text}' is not an HTTP URL`);
  return "http://127.0.0.1";
}
