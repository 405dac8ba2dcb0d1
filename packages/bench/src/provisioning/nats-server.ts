/** A real nats-server with JetStream for one run: its own ports and store on 127.0.0.1. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { DurabilityLevel } from "@hubscale/hub-runtime";
import type { ManagedProcess } from "../machine/index.ts";
import { startContainer } from "./docker-servers.ts";
import { findProgram } from "./program-search.ts";
import { dataFolderFor, noServerRefusal, type ProvisionRequest } from "./provision-request.ts";
import { durabilityRefusal, type Provisioned, type ProvisionedServer, satisfies } from "./provisioned.ts";
import { isAtLeast, type ServerProgram } from "./server-program.ts";

/** The first version that can sync each message before it acknowledges it. */
const SYNCS_SINCE = "2.10.0";
const READY_WITHIN_MS = 10_000;
/** Of a server that others reach by a secret. */
export const NATS_USER = "hubscale";

export async function provisionNats(request: ProvisionRequest): Promise<Provisioned> {
  const { sources, durability } = request;
  if (sources.origins.includes("url") && sources.natsUrl !== undefined) {
    return checked(await runningNats(sources.natsUrl, sources.natsMonitorUrl), durability);
  }
  const wanted =
    durability === "fsync"
      ? { name: "nats-server", atLeast: SYNCS_SINCE, because: "older ones cannot sync before they acknowledge" }
      : { name: "nats-server", atLeast: "2.9.0", because: "JetStream's key-value store" };
  const found = await findProgram(wanted, request);
  if ("program" in found) return checked(await startNats(found.program, request), durability);
  const { reasons } = found;
  if (sources.origins.includes("docker") && request.listen === undefined) {
    const container = await startNatsContainer(request);
    if ("server" in container) return checked(container.server, durability);
    reasons.push(`Docker: ${container.reason}`);
  }
  return {
    ok: false,
    refusal: noServerRefusal({ program: "nats-server", variable: "HUBSCALE_NATS_URL", brew: "nats-server" }, reasons),
  };
}

async function checked(server: ProvisionedServer, required: DurabilityLevel): Promise<Provisioned> {
  if (satisfies(server.durability.verified, required)) return { ok: true, server };
  await server.stop();
  return { ok: false, refusal: durabilityRefusal(`nats-server at ${server.url}`, server.durability, required) };
}

async function startNats(program: ServerProgram, request: ProvisionRequest): Promise<ProvisionedServer> {
  const { care, durability, listen } = request;
  const folder = dataFolderFor("nats", request);
  const log = join(folder, "nats-server.log");
  const sync = durability === "fsync" || isAtLeast(program.version, SYNCS_SINCE) ? syncIntervalFor(durability) : "";
  // Port -1 lets the server choose free ones itself; it writes them into a file that carries its pid.
  const configText = [
    `host: ${listen?.address ?? "127.0.0.1"}`,
    `port: ${request.port ?? -1}`,
    `http: "${listen?.address ?? "127.0.0.1"}:-1"`,
    `ports_file_dir: ${JSON.stringify(folder)}`,
    jetStreamBlock(join(folder, "jetstream"), sync),
    ...(request.extraSettings ?? []).map((words) => words.join(" ")),
  ].join("\n");
  const configFile = join(folder, "nats.conf");
  const secretText = listen ? `\nauthorization { user: ${NATS_USER}, password: "${listen.secret}" }\n` : "";
  writeFileSync(configFile, configText + secretText, { mode: 0o600 });
  const { command, env } = program;
  const child = await care.start({
    name: "nats-server",
    role: "nats",
    command,
    args: ["-c", configFile],
    env,
    cwd: folder,
    stdout: "log",
    log,
  });
  const stop = async () => {
    await child.stop();
    if (request.keptFolder === undefined) care.removeFolder(folder);
  };
  try {
    const { url: open, monitor } = await portsOf(child, folder);
    const url = listen ? open.replace("nats://", `nats://${NATS_USER}:${listen.secret}@`) : open;
    const state = await inspect(monitor, () => child.alive);
    return { kind: "nats", url, pid: child.pid, origin: program.origin, configText, stop, monitorUrl: monitor, ...state };
  } catch (cause) {
    const said = child.logTail();
    await stop();
    throw new Error(`nats-server did not start\n${said}`, { cause });
  }
}

async function startNatsContainer(request: ProvisionRequest): Promise<{ server: ProvisionedServer } | { reason: string }> {
  const image = request.sources.images.nats;
  const configText = ["port: 4222", "http: 8222", jetStreamBlock("/data", syncIntervalFor(request.durability))].join("\n");
  const target = "/etc/hubscale-nats.conf";
  const files = [{ target, content: configText }];
  const readyLog = /Server is ready/;
  const container = await startContainer({
    image,
    ports: [4222, 8222],
    command: ["-c", target],
    readyLog,
    files,
    care: request.care,
  });
  if ("reason" in container) return container;
  const { pid, stop } = container;
  const monitorUrl = `http://127.0.0.1:${container.hostPort(8222)}`;
  const state = await inspect(monitorUrl);
  const url = `nats://127.0.0.1:${container.hostPort(4222)}`;
  return { server: { kind: "nats", url, pid, origin: `Docker (${image})`, configText, stop, monitorUrl, ...state } };
}

/**
 * Two minutes is the server's own default; named, so that the report shows it. In quotes, since the bare word is the number of two
 * million to the server.
 */
function syncIntervalFor(durability: DurabilityLevel): string {
  return durability === "fsync" ? "always" : '"2m"';
}

function jetStreamBlock(folder: string, sync: string): string {
  return `jetstream {\n  store_dir: ${JSON.stringify(folder)}\n${sync === "" ? "" : `  sync_interval: ${sync}\n`}}\n`;
}

async function portsOf(child: ManagedProcess, folder: string): Promise<{ url: string; monitor: string }> {
  const deadlineMs = Date.now() + READY_WITHIN_MS;
  // A folder that is used again may have the file of a server that was killed; each file's name has its server's pid.
  while (child.alive && Date.now() < deadlineMs) {
    const name = readdirSync(folder).find((file) => file.endsWith(`_${child.pid}.ports`));
    const text = name === undefined ? "" : readFileSync(join(folder, name), "utf8");
    // The file is there a moment before its content is.
    if (text.trimEnd().endsWith("}")) {
      const { nats, monitoring } = JSON.parse(text) as { nats?: string[]; monitoring?: string[] };
      if (nats?.[0] !== undefined && monitoring?.[0] !== undefined) return { url: nats[0], monitor: monitoring[0] };
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("it named no ports");
}

type ServerState = Pick<ProvisionedServer, "version" | "durability" | "settings">;

interface Varz {
  version: string;
  jetstream?: { config?: { store_dir?: string; sync_interval?: number; sync_always?: boolean } };
}

/** Asks the monitoring port until it answers. */
async function inspect(monitor: string, worthwhile: () => boolean = () => true): Promise<ServerState> {
  const deadlineMs = Date.now() + READY_WITHIN_MS;
  for (;;) {
    try {
      const answer = await fetch(`${monitor}/varz`);
      const varz = (await answer.json()) as Varz;
      const config = varz.jetstream?.config ?? {};
      const settings = Object.fromEntries(Object.entries(config).map(([name, value]) => [name, String(value)]));
      return { version: varz.version, settings, durability: natsDurabilityOf(settings) };
    } catch (cause) {
      if (Date.now() > deadlineMs || !worthwhile()) throw new Error(`no answer from NATS at ${monitor}`, { cause });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** A stream of one replica is written to its file before the acknowledgement, and synced too only with `sync_always`. */
export function natsDurabilityOf(settings: Readonly<Record<string, string>>): ProvisionedServer["durability"] {
  if (settings["store_dir"] === undefined) return { verified: null, how: "/varz: no JetStream store" };
  const { sync_always: always = "not reported", sync_interval: interval = "not reported" } = settings;
  const how = `/varz: sync_always ${always}, sync_interval ${interval}`;
  return { verified: always === "true" ? "fsync" : "process", how };
}

/** A server named by its URL tells its version and whether it has JetStream; its sync interval only on its monitoring port. */
async function runningNats(url: string, monitorUrl: string | undefined): Promise<ProvisionedServer> {
  const info = await greetingOf(url);
  const origin = "HUBSCALE_NATS_URL";
  const server = { kind: "nats", url, pid: null, origin, configText: "", stop: () => Promise.resolve() } as const;
  if (monitorUrl !== undefined) return { ...server, monitorUrl, ...(await inspect(monitorUrl)) };
  const how = `INFO: jetstream ${info.jetstream === true}; the sync interval is told by HUBSCALE_NATS_MONITOR_URL only`;
  return {
    ...server,
    version: info.version ?? "unknown",
    durability: { verified: info.jetstream === true ? "process" : null, how },
    settings: {},
  };
}

/** A NATS server speaks first: `INFO {…}`. */
async function greetingOf(url: string): Promise<{ version?: string; jetstream?: boolean }> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port || 4222), timeout: READY_WITHIN_MS });
  socket.on("timeout", () => socket.destroy(new Error("no greeting")));
  try {
    for await (const line of createInterface({ input: socket })) {
      const json = /^INFO (\{.*\})/.exec(line)?.[1];
      if (json !== undefined) return JSON.parse(json) as { version?: string; jetstream?: boolean };
    }
    throw new Error("it closed the connection");
  } catch (cause) {
    const what = `no answer from NATS at ${url}, which HUBSCALE_NATS_URL names; start one there, or unset the variable`;
    throw new Error(what, { cause });
  } finally {
    socket.destroy();
  }
}
