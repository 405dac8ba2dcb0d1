/** A real redis-server for one run: its own port and data on 127.0.0.1, set up so that a queue may live in it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DurabilityLevel } from "@hubscale/hub-runtime";
import { REDIS_DURABILITY_SETTINGS, redisDurabilityOf, whyNoRedis } from "@hubscale/hub-sharded";
import { Redis } from "ioredis";
import type { ManagedProcess } from "../machine/index.ts";
import { startContainer } from "./docker-servers.ts";
import { freePort } from "./free-port.ts";
import { findProgram } from "./program-search.ts";
import { dataFolderFor, noServerRefusal, type ProvisionRequest } from "./provision-request.ts";
import { durabilityRefusal, type Provisioned, type ProvisionedServer, satisfies } from "./provisioned.ts";
import type { ServerProgram } from "./server-program.ts";

/** Older ones lack commands that BullMQ's scripts use. */
const WANTED = { name: "redis-server", atLeast: "6.2.0", because: "BullMQ" };
/** Between the choice of a free port and its use another program may take it. */
const PORT_ATTEMPTS = 5;
const READY_WITHIN_MS = 10_000;

const SETTINGS_READ_BACK = [...REDIS_DURABILITY_SETTINGS, "auto-aof-rewrite-min-size", "save"];

export async function provisionRedis(request: ProvisionRequest): Promise<Provisioned> {
  const { sources, durability } = request;
  const reasons: string[] = [];
  if (sources.origins.includes("url") && sources.redisUrl !== undefined) {
    return checked(await runningRedis(sources.redisUrl), durability);
  }
  const found = await findProgram(WANTED, request);
  if ("program" in found) return checked(await startRedis(found.program, request), durability);
  reasons.push(...found.reasons);
  if (sources.origins.includes("docker") && request.listen === undefined) {
    const container = await startRedisContainer(request);
    if ("server" in container) return checked(container.server, durability);
    reasons.push(`Docker: ${container.reason}`);
  }
  return {
    ok: false,
    refusal: noServerRefusal({ program: "redis-server", variable: "HUBSCALE_REDIS_URL", brew: "redis" }, reasons),
  };
}

async function checked(server: ProvisionedServer, required: DurabilityLevel): Promise<Provisioned> {
  if (satisfies(server.durability.verified, required)) return { ok: true, server };
  await server.stop();
  const refusal = durabilityRefusal(`redis-server at ${server.url}`, server.durability, required);
  if (refusal.verified !== null) return { ok: false, refusal };
  return { ok: false, refusal: { ...refusal, nextStep: KEEPING } };
}

/** What a server lacks that keeps nothing, or not all of it. */
const KEEPING = "set appendonly yes, and maxmemory-policy noeviction or maxmemory 0, or use another Redis";

async function runningRedis(url: string): Promise<ProvisionedServer> {
  const stop = () => Promise.resolve();
  return {
    kind: "redis",
    url,
    pid: null,
    origin: "HUBSCALE_REDIS_URL",
    configText: "",
    stop,
    ...(await inspect(url, READY_WITHIN_MS).catch(async (error: Error) => {
      const why = await whyNoRedis([url], { isCluster: false, withinMs: READY_WITHIN_MS, cause: error.cause });
      throw new Error(`HUBSCALE_REDIS_URL names a Redis that cannot be used: ${why}; or unset the variable`, { cause: error });
    })),
  };
}

async function startRedis(program: ServerProgram, request: ProvisionRequest): Promise<ProvisionedServer> {
  const { care, durability, listen } = request;
  const folder = dataFolderFor("redis", request);
  const log = join(folder, "redis-server.log");
  for (let attempt = 1; ; attempt++) {
    const port = request.port ?? (await freePort());
    const configText = configOf({ port, folder, durability, listen }) + linesOf(request.extraSettings ?? []);
    const configFile = join(folder, "redis.conf");
    const secretText = listen ? linesOf([["requirepass", listen.secret]]) : "";
    writeFileSync(configFile, configText + secretText, { mode: 0o600 });
    const { command, env } = program;
    const child = await care.start({
      name: "redis-server",
      role: "redis",
      command,
      args: [configFile],
      env,
      cwd: folder,
      stdout: "log",
      log,
    });
    const url = listen ? `redis://:${listen.secret}@${listen.address}:${port}` : `redis://127.0.0.1:${port}`;
    const state = await ready(child, url);
    if (state) {
      const stop = async () => {
        await child.stop();
        if (request.keptFolder === undefined) care.removeFolder(folder);
      };
      return { kind: "redis", url, pid: child.pid, origin: program.origin, configText, stop, ...state };
    }
    if (attempt === PORT_ATTEMPTS || request.port !== undefined || !child.logTail().includes("Address already in use")) {
      throw new Error(`redis-server did not start\n${child.logTail()}`);
    }
  }
}

async function startRedisContainer(request: ProvisionRequest): Promise<{ server: ProvisionedServer } | { reason: string }> {
  const image = request.sources.images.redis;
  // Open inside of the container, whose port is published on 127.0.0.1 only.
  const place = [
    ["bind", "* -::*"],
    ["protected-mode", "no"],
  ];
  const configText = linesOf([...place, ...settingsFor(request.durability)]);
  const target = "/etc/hubscale-redis.conf";
  const files = [{ target, content: configText }];
  const readyLog = /Ready to accept connections/;
  const container = await startContainer({
    image,
    ports: [6379],
    command: ["redis-server", target],
    readyLog,
    files,
    care: request.care,
  });
  if ("reason" in container) return container;
  const { pid, stop } = container;
  const url = `redis://127.0.0.1:${container.hostPort(6379)}`;
  const state = await inspect(url, READY_WITHIN_MS);
  return { server: { kind: "redis", url, pid, origin: `Docker (${image})`, configText, stop, ...state } };
}

/** Undefined: the server has ended, or the one that answers at this address is not ours. */
async function ready(child: ManagedProcess, url: string): Promise<ServerState | undefined> {
  const ended = child.ended.then(() => undefined);
  const state = await Promise.race([inspect(url, READY_WITHIN_MS, () => child.alive), ended]);
  return state?.settings["process_id"] === String(child.pid) ? state : undefined;
}

/**
 * The append-only file on; nothing evicted, since a queue that forgets is none; no snapshots, which would only add disk work.
 * `always` syncs before it answers. `everysec` writes before it answers and syncs each second: it survives the end of the
 * process, not of the power.
 */
function settingsFor(durability: DurabilityLevel): [name: string, value: string][] {
  return [
    ["appendonly", "yes"],
    ["appendfsync", durability === "fsync" ? "always" : "everysec"],
    ["no-appendfsync-on-rewrite", "no"],
    // By default at 64 MB, which at a thousand tasks a second is every six seconds, with a pause each time.
    ["auto-aof-rewrite-min-size", "1gb"],
    ["maxmemory-policy", "noeviction"],
    ["save", '""'],
  ];
}

interface Place extends Pick<ProvisionRequest, "durability" | "listen"> {
  port: number;
  folder: string;
}

function configOf({ port, folder, durability, listen }: Place): string {
  const place = [
    ["bind", listen?.address ?? "127.0.0.1"],
    ["port", String(port)],
    ["dir", JSON.stringify(folder)],
    ["daemonize", "no"],
  ];
  return linesOf([...place, ...settingsFor(durability)]);
}

const linesOf = (settings: readonly (readonly string[])[]) => settings.map((words) => `${words.join(" ")}\n`).join("");

/** Removes what one run has left in a server that goes on running: all keys with its random namespace in their names. */
export async function removeKeys(url: string, namespace: string): Promise<void> {
  const client = new Redis(url);
  try {
    for await (const keys of client.scanStream({ match: `*${namespace}*`, count: 1_000 }) as AsyncIterable<string[]>) {
      if (keys.length > 0) await client.unlink(...keys);
    }
  } finally {
    client.disconnect();
  }
}

type ServerState = Pick<ProvisionedServer, "version" | "durability" | "settings">;

/** Asks the server about itself, again and again until it answers, for at most `withinMs` or as long as `worthwhile`. */
async function inspect(url: string, withinMs: number, worthwhile: () => boolean = () => true): Promise<ServerState> {
  const deadlineMs = Date.now() + withinMs;
  for (;;) {
    const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
    // The same failure rejects `connect` below, where it is handled; without a listener it would be printed as well.
    client.on("error", () => undefined);
    try {
      await client.connect();
      return await readState(client);
    } catch (cause) {
      if (Date.now() > deadlineMs || !worthwhile()) throw new Error(`no answer from Redis at ${url}`, { cause });
      await new Promise((resolve) => setTimeout(resolve, 20));
    } finally {
      client.disconnect();
    }
  }
}

async function readState(client: Redis): Promise<ServerState> {
  const info = await client.info("server");
  const fact = (name: string) => new RegExp(`^${name}:(.*)$`, "m").exec(info)?.[1]?.trim() ?? "unknown";
  const settings: Record<string, string> = { process_id: fact("process_id") };
  for (const name of SETTINGS_READ_BACK) {
    const [, value] = (await client.config("GET", name)) as string[];
    if (value !== undefined) settings[name] = value;
  }
  const { level = null, how } = redisDurabilityOf(settings);
  return { version: fact("redis_version"), settings, durability: { verified: level, how } };
}
