/** Artillery's WebSocket engine, installed by npm into a folder of its own: no dependency of this project. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { identifyFrame } from "@hubscale/sidecar-sim";
import type { ProcessCare } from "../machine/index.ts";
import { type DensityLoad, PING, taskAnswers, workMsFor } from "./density-load.ts";

export const ARTILLERY = "artillery@2.0.21";

export interface Artillery {
  /** The program's own file, run with this Node. */
  program: string;
}

/** Rejects with what to do when it cannot be had. `installed`: a folder in which it is already. */
export async function artilleryIn(
  folder: string,
  { care, env, installed }: { care: ProcessCare; env: Record<string, string | undefined>; installed: string | undefined },
): Promise<Artillery> {
  const program = join(installed ?? folder, "node_modules/artillery/bin/run");
  if (installed !== undefined) {
    if (!existsSync(program)) throw new Error(`no ${program}: run \`npm i ${ARTILLERY}\` in ${installed}`);
    return { program };
  }
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  const log = join(folder, "npm.log");
  const npm = await care.start({
    name: "npm",
    role: "npm",
    command: "npm",
    // No scripts: the browsers that its other engines would fetch are of no use here.
    args: ["install", ARTILLERY, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
    cwd: folder,
    env: definedOnly(env),
    stdout: "log",
    log,
  });
  const { code } = await npm.ended;
  if (code !== 0 || !existsSync(program)) {
    throw new Error(
      `npm could not install ${ARTILLERY}: install it in a folder by hand and give that as --artillery, or leave it out with --only sidecars\n${npm.logTail()}`,
    );
  }
  return { program };
}

export interface ArtilleryLoad {
  url: string;
  load: DensityLoad;
  connections: number;
  connectSeconds: number;
  /** A second, out of each connection. */
  framesOut: number;
  /** The longest that it may run: it is given more turns than it comes to, and stopped before. */
  seconds: number;
  /** Pings: whether each pong is looked at, as a sidecar does. Tasks: they are always, since the answers are made of them. */
  checksPongs: boolean;
}

/**
 * The scenario file (JSON is YAML): the connections at a steady pace, then the same turn again and again on each. Pauses have
 * their unit, since Artillery takes a fraction of a second for no pause at all.
 */
export function scenarioOf(load: ArtilleryLoad): string {
  const turnsEach = Math.ceil(2 * load.seconds * load.framesOut);
  const flow = load.load === "pings" ? pingFlow(load, turnsEach) : taskFlow(load, turnsEach);
  return JSON.stringify({
    config: { target: load.url, phases: [{ duration: load.connectSeconds, arrivalCount: load.connections }] },
    scenarios: [{ engine: "ws", flow }],
  });
}

function pingFlow({ framesOut, checksPongs }: ArtilleryLoad, turnsEach: number): object[] {
  const sent = checksPongs ? { payload: PING, match: { json: "$.type", value: "pong" } } : PING;
  return [{ loop: [{ send: sent }, { think: `${1_000 / framesOut}ms` }], count: turnsEach }];
}

/**
 * A sidecar's side of a task in the engine's own steps. Payloads are texts, which cost it less than objects: these it copies and
 * walks each time. The moment in the report is the same for all tasks, for the same reason.
 */
function taskFlow({ framesOut }: ArtilleryLoad, turnsEach: number): object[] {
  const workMs = workMsFor(framesOut);
  const answers = taskAnswers({ taskId: "{{ task_id }}", generation: "{{ generation }}", workMs });
  return [
    { send: { payload: identifyFrame(IDENTITY), match: { json: "$.type", value: "identified" } } },
    {
      loop: [
        {
          wait: {
            capture: [
              { json: "$.task_id", as: "task_id" },
              { json: "$.generation", as: "generation" },
            ],
          },
        },
        { send: { payload: answers.accepted, match: { json: "$.status", value: "accepted" } } },
        { think: `${workMs}ms` },
        { send: { payload: answers.complete, match: { json: "$.status", value: "complete" } } },
      ],
      count: turnsEach,
    },
  ];
}

const IDENTITY = { agentId: "dense", token: "0".repeat(64), capabilities: ["code"], ollamaUrl: null };

/** Its own reports home are switched off: they would be load that the other side has not. */
export function artilleryEnv(env: Record<string, string | undefined>): Record<string, string> {
  return definedOnly({ ...env, ARTILLERY_DISABLE_TELEMETRY: "true" });
}

function definedOnly(env: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
