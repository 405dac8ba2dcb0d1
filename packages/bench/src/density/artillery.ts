/** Artillery's WebSocket engine, installed by npm into a folder of its own: no dependency of this project. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ProcessCare } from "../machine/index.ts";

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
  connections: number;
  connectSeconds: number;
  frame: string;
  frameEveryMs: number;
  /** Frames of each connection: more than it will come to, it is stopped before. */
  framesEach: number;
  /** What each answer must have, as a sidecar looks at each pong; null: answers are received and not looked at. */
  answer: { jsonPath: string; value: string } | null;
}

/**
 * The scenario file (JSON is YAML): the connections at a steady pace, then the same frame again and again on each. The pause has
 * its unit, since Artillery takes a fraction of a second for no pause at all.
 */
export function scenarioOf({
  url,
  connections,
  connectSeconds,
  frame,
  frameEveryMs,
  framesEach,
  answer,
}: ArtilleryLoad): string {
  const sent = answer === null ? frame : { payload: frame, match: { json: answer.jsonPath, value: answer.value } };
  const flow = [{ loop: [{ send: sent }, { think: `${frameEveryMs}ms` }], count: framesEach }];
  return JSON.stringify({
    config: { target: url, phases: [{ duration: connectSeconds, arrivalCount: connections }] },
    scenarios: [{ engine: "ws", flow }],
  });
}

/** Its own reports home are switched off: they would be load that the other side has not. */
export function artilleryEnv(env: Record<string, string | undefined>): Record<string, string> {
  return definedOnly({ ...env, ARTILLERY_DISABLE_TELEMETRY: "true" });
}

function definedOnly(env: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
