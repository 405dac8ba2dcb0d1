import { parseArgs } from "node:util";
import { parseWorkTime, type WorkTime } from "@hubscale/sidecar-sim";

export interface SimSettings {
  ws: string[];
  http: string[];
  agents: number;
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
}

export type SimFlags = { ok: true; settings: SimSettings } | { ok: true; help: true } | { ok: false; problem: string };

export const SIM_HELP = `Simulated sidecars for any task hub that speaks the wire of docs/wire.md.

  pnpm sim --hub ws://127.0.0.1:4000/ws --agents 100 --rate 50

  --hub URL          WebSocket URL of the hub; again for each further node (required)
  --http URL         HTTP URL of the hub; again for each further node (default: made from --hub)
  --agents N         simulated sidecars (default 10)
  --work-ms T        work time of a task: 250, exp:250 (mean), lognormal:250,0.8 (median, sigma) (default 1000; 0: at once)
  --progress         working agents stream progress, ten frames a second
  --fail-share P     share of the tasks that fail, 0 to 1 (default 0)
  --rate R           tasks submitted per second, at random times (default 0: serve what others submit)
  --duration-s S     stop after S seconds (default: until Ctrl-C)
  --time-scale X     sidecars work X times faster than life (default 1)
  --seed N           seed of all random numbers (default 1)
  --token-file FILE  keep the agents' tokens there, to come back as the same agents
  --prefix NAME      agents are called NAME-0, NAME-1, … (default: a new name each run; "sim" with --token-file)
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
  const workTime = parseWorkTime(values["work-ms"]);
  if (!workTime) problems.push(`--work-ms: cannot read '${values["work-ms"]}'; write 250, exp:250 or lognormal:250,0.8`);
  const prefix = values.prefix ?? (values["token-file"] === undefined ? undefined : "sim");
  if (prefix !== undefined && !/^[\w.-]{1,100}$/.test(prefix)) {
    problems.push(`--prefix: '${prefix}' must be 1 to 100 letters, digits, '.', '_' or '-'`);
  }
  const settings = {
    ws,
    http,
    agents: number("agents", values.agents, { min: 1, max: MAX_AGENTS, whole: true }),
    workTime: workTime ?? { kind: "constant" as const, ms: 0 },
    progress: values.progress,
    ratePerSec: number("rate", values.rate, { min: 0, max: 100_000 }),
    durationMs:
      values["duration-s"] === undefined ? null : 1000 * number("duration-s", values["duration-s"], { min: 0.1, max: 1e6 }),
    timeScale: number("time-scale", values["time-scale"], { min: 0.001, max: 10_000 }),
    seed: number("seed", values.seed, { min: 0, max: Number.MAX_SAFE_INTEGER, whole: true }),
    failShare: number("fail-share", values["fail-share"], { min: 0, max: 1 }),
    prefix,
    tokenFile: values["token-file"],
  };
  const [problem] = problems;
  return problem === undefined ? { ok: true, settings } : { ok: false, problem };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      hub: { type: "string", multiple: true },
      http: { type: "string", multiple: true },
      agents: { type: "string", default: "10" },
      "work-ms": { type: "string", default: "1000" },
      progress: { type: "boolean", default: false },
      "fail-share": { type: "string", default: "0" },
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
