/** The simulated sidecars beside a general load tool: the same load on the same server, what they cost by the operating system. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { ManagedProcess, ProcessCare } from "../machine/index.ts";
import { readUsage } from "../machine/index.ts";
import { type Artillery, artilleryEnv, scenarioOf } from "./artillery.ts";
import type { DensityLoad } from "./density-load.ts";

/**
 * `artillery_checked` looks at each answer, as the sidecars do; `artillery` only receives it. `bare_sockets` write the frames and
 * look at nothing: what is left for the others to save. Tasks cannot be answered without a look, so they are for two clients only.
 */
export type DenseClient = "sidecars" | "artillery" | "artillery_checked" | "bare_sockets";

export interface DensityOptions {
  care: ProcessCare;
  env: Record<string, string | undefined>;
  /** For logs and the scenario. */
  folder: string;
  /** Measured in this order, each for all rounds. */
  loads: readonly DensityLoad[];
  connections: number;
  /** Out of each connection. */
  framesPerSec: number;
  windowMs: number;
  rounds: number;
  /** Null: the sidecars alone. */
  artillery: Artillery | null;
  at(share: number, doing: string): void;
}

export interface DensityTrial {
  load: DensityLoad;
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

const CONNECT_SECONDS = 4;
const CONNECTED_WITHIN_MS = 120_000;
/** After the last connection: what connecting has left behind is done. */
const SETTLE_MS = 2_000;
const LOOK_MS = 50;

/** Rejects when a client cannot be started or does not get its connections. */
export async function measureDensity(options: DensityOptions): Promise<DensityTrial[]> {
  const turns = options.loads.flatMap((load) => turnsOf(load, options));
  const trials: DensityTrial[] = [];
  for (const { load, client, round } of turns) {
    options.at(trials.length / turns.length, `${load}, ${client}, round ${round} of ${options.rounds}`);
    trials.push(await trialOf(load, client, options));
  }
  return trials;
}

/** Turned round each time, so that no client is always the first on a machine that changes. */
function turnsOf(load: DensityLoad, { rounds, artillery }: DensityOptions) {
  const clients = CLIENTS[load].filter((client) => artillery !== null || waitsForAWord(client));
  return Array.from({ length: rounds }, (_, index) =>
    (index % 2 === 0 ? clients : clients.toReversed()).map((client) => ({ load, client, round: index + 1 })),
  ).flat();
}

const CLIENTS: Record<DensityLoad, readonly DenseClient[]> = {
  pings: ["artillery", "sidecars", "bare_sockets", "artillery_checked"],
  tasks: ["sidecars", "artillery_checked"],
};

async function trialOf(load: DensityLoad, client: DenseClient, options: DensityOptions): Promise<DensityTrial> {
  const { care, folder, connections, windowMs } = options;
  const server = await care.start({
    name: "density server",
    role: "server",
    command: process.execPath,
    args: [fileURLToPath(new URL("./density-server-main.js", import.meta.url)), "--load", load],
    stdout: "lines",
    log: join(folder, "server.log"),
    holdStdin: true,
  });
  const { port } = JSON.parse(await server.nextLine(CONNECTED_WITHIN_MS)) as { port: number };
  const program = await startClient(load, client, `ws://127.0.0.1:${port}/ws`, options);
  try {
    const look = () => ask(server);
    const before = await memoryBeforeFirst(program, look);
    await until(async () => (await look()).connections >= connections, program);
    await sleep(SETTLE_MS);
    const from = { ...(await look()), ...usageOf(program), atMs: performance.now() };
    await sleep(windowMs);
    const to = { ...(await look()), ...usageOf(program), atMs: performance.now() };
    return {
      load,
      client,
      connections: to.connections,
      frames: to.frames - from.frames,
      windowMs: to.atMs - from.atMs,
      cpuSeconds: to.cpuSeconds - from.cpuSeconds,
      rssBytes: { before, after: to.rssBytes },
    };
  } finally {
    await program.stop(0);
    await server.stop();
  }
}

function startClient(load: DensityLoad, client: DenseClient, url: string, options: DensityOptions): Promise<ManagedProcess> {
  const { care, env, folder, connections, framesPerSec, windowMs, artillery } = options;
  const log = join(folder, `${client}.log`);
  if (waitsForAWord(client) || !artillery) {
    const main = client === "bare_sockets" ? "./bare-sockets-main.js" : "./dense-fleet-main.js";
    const args = [fileURLToPath(new URL(main, import.meta.url)), "--url", url];
    args.push("--connections", String(connections), "--frames", String(framesPerSec), "--load", load);
    return care.start({ name: client, role: client, command: process.execPath, args, stdout: "log", log, holdStdin: true });
  }
  const scenario = join(folder, "scenario.yml");
  const seconds = (CONNECTED_WITHIN_MS + SETTLE_MS + windowMs) / 1000;
  writeFileSync(
    scenario,
    scenarioOf({
      url,
      load,
      connections,
      connectSeconds: CONNECT_SECONDS,
      framesOut: framesPerSec,
      seconds,
      checksPongs: client === "artillery_checked",
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
  /** Both ways, since its start. */
  frames: number;
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
