/** The simulated sidecars beside a general load tool: the same frames to the same server, what they cost by the operating system. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { ManagedProcess, ProcessCare } from "../machine/index.ts";
import { readUsage } from "../machine/index.ts";
import { type Artillery, artilleryEnv, scenarioOf } from "./artillery.ts";

/**
 * `artillery_checked` looks at each answer, as the sidecars do; `artillery` only receives it. `bare_sockets` write the frames and
 * look at nothing: what is left for the others to save.
 */
export type DenseClient = "sidecars" | "artillery" | "artillery_checked" | "bare_sockets";

export interface DensityOptions {
  care: ProcessCare;
  env: Record<string, string | undefined>;
  /** For logs and the scenario. */
  folder: string;
  connections: number;
  /** Frames from each connection, and as many back. */
  framesPerSec: number;
  windowMs: number;
  rounds: number;
  /** Null: the sidecars alone. */
  artillery: Artillery | null;
  at(share: number, doing: string): void;
}

export interface DensityTrial {
  client: DenseClient;
  /** At the end of the window; fewer than asked for means that the client did not get there. */
  connections: number;
  /** Both ways, counted by the server. */
  frames: number;
  windowMs: number;
  /** Of the client's process, all threads. */
  cpuSeconds: number;
  /** Resident memory before its first connection and at the end of the window. */
  rssBytes: { before: number; after: number };
}

const PING = '{"type":"ping","protocol_version":1}';
const CONNECT_SECONDS = 4;
const CONNECTED_WITHIN_MS = 120_000;
/** After the last connection: what connecting has left behind is done. */
const SETTLE_MS = 2_000;
const LOOK_MS = 50;

/** Rejects when a client cannot be started or does not get its connections. */
export async function measureDensity(options: DensityOptions): Promise<DensityTrial[]> {
  const clients: DenseClient[] = options.artillery
    ? ["artillery", "sidecars", "bare_sockets", "artillery_checked"]
    : ["sidecars", "bare_sockets"];
  const trials: DensityTrial[] = [];
  const all = options.rounds * clients.length;
  for (let round = 0; round < options.rounds; round++) {
    // Turned round each time, so that neither is always the first on a machine that changes.
    for (const client of round % 2 === 0 ? clients : clients.toReversed()) {
      options.at(trials.length / all, `${client}, round ${round + 1} of ${options.rounds}`);
      trials.push(await trialOf(client, options));
    }
  }
  return trials;
}

async function trialOf(client: DenseClient, options: DensityOptions): Promise<DensityTrial> {
  const { care, folder, connections, windowMs } = options;
  const server = await care.start({
    name: "echo server",
    role: "server",
    command: process.execPath,
    args: [fileURLToPath(new URL("./echo-server-main.js", import.meta.url))],
    stdout: "lines",
    log: join(folder, "server.log"),
    holdStdin: true,
  });
  const { port } = JSON.parse(await server.nextLine(CONNECTED_WITHIN_MS)) as { port: number };
  const program = await startClient(client, `ws://127.0.0.1:${port}/ws`, options);
  try {
    const look = () => ask(server);
    const before = await memoryBeforeFirst(program, look);
    await until(async () => (await look()).connections >= connections, program);
    await sleep(SETTLE_MS);
    const from = { ...(await look()), ...usageOf(program), atMs: performance.now() };
    await sleep(windowMs);
    const to = { ...(await look()), ...usageOf(program), atMs: performance.now() };
    return {
      client,
      connections: to.connections,
      frames: 2 * (to.pings - from.pings),
      windowMs: to.atMs - from.atMs,
      cpuSeconds: to.cpuSeconds - from.cpuSeconds,
      rssBytes: { before, after: to.rssBytes },
    };
  } finally {
    await program.stop(0);
    await server.stop();
  }
}

function startClient(client: DenseClient, url: string, options: DensityOptions): Promise<ManagedProcess> {
  const { care, env, folder, connections, framesPerSec, windowMs, artillery } = options;
  const log = join(folder, `${client}.log`);
  const frameEveryMs = 1_000 / framesPerSec;
  if (waitsForAWord(client) || !artillery) {
    const main = client === "bare_sockets" ? "./bare-sockets-main.js" : "./dense-fleet-main.js";
    const args = [fileURLToPath(new URL(main, import.meta.url)), "--url", url];
    args.push("--connections", String(connections), "--frame-ms", String(frameEveryMs));
    return care.start({ name: client, role: client, command: process.execPath, args, stdout: "log", log, holdStdin: true });
  }
  const scenario = join(folder, "scenario.yml");
  const seconds = (CONNECTED_WITHIN_MS + SETTLE_MS + windowMs) / 1000;
  writeFileSync(
    scenario,
    scenarioOf({
      url,
      connections,
      connectSeconds: CONNECT_SECONDS,
      frame: PING,
      frameEveryMs,
      answer: client === "artillery_checked" ? { jsonPath: "$.type", value: "pong" } : null,
      framesEach: Math.ceil(2 * seconds * framesPerSec),
    }),
  );
  const args = [artillery.program, "run", scenario];
  return care.start({
    name: client,
    role: client,
    command: process.execPath,
    args,
    env: artilleryEnv(env),
    cwd: folder,
    stdout: "log",
    log,
  });
}

/** Ours; Artillery begins when it is ready. */
function waitsForAWord(client: string): boolean {
  return client === "sidecars" || client === "bare_sockets";
}

/** The largest while nobody was connected: what the program needs by itself. */
async function memoryBeforeFirst(client: ManagedProcess, look: () => Promise<Reading>): Promise<number> {
  const startedMs = performance.now();
  let before = 0;
  await until(async () => {
    const { connections } = await look();
    if (connections > 0) return true;
    before = Math.max(before, usageOf(client).rssBytes);
    if (waitsForAWord(client.name) && performance.now() - startedMs > SETTLE_MS) client.say("begin");
    return false;
  }, client);
  return before;
}

interface Reading {
  pings: number;
  connections: number;
}

async function ask(server: ManagedProcess): Promise<Reading> {
  server.say("?");
  return JSON.parse(await server.nextLine(CONNECTED_WITHIN_MS)) as Reading;
}

function usageOf(client: ManagedProcess): { cpuSeconds: number; rssBytes: number } {
  const [usage] = readUsage([client.pid]);
  if (!usage) throw new Error(`${client.name} has ended\n${client.logTail()}`);
  return usage;
}

async function until(holds: () => Promise<boolean>, client: ManagedProcess): Promise<void> {
  const startedMs = performance.now();
  while (!(await holds())) {
    if (!client.alive) throw new Error(`${client.name} has ended\n${client.logTail()}`);
    if (performance.now() - startedMs > CONNECTED_WITHIN_MS) {
      throw new Error(`${client.name} did not connect within ${CONNECTED_WITHIN_MS / 1000} s\n${client.logTail()}`);
    }
    await sleep(LOOK_MS);
  }
}
