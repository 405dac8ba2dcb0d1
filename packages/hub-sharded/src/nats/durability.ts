/** What a JetStream promises of a write that it has acknowledged, read back from the running servers. */
import type { DurabilityLevel } from "@hubscale/hub-runtime";
import type { ReadDurability } from "../backbone.ts";

export interface NatsDurability extends ReadDurability {
  natsVersion: string;
  /** Monitoring ports that did not answer. */
  unanswered: readonly string[];
  /** Why the level is not higher, and what to do about it. */
  remedy: string;
}

export interface NatsServerInfo {
  version: string;
  server_id: string;
  jetstream?: boolean;
}

interface Varz {
  server_id: string;
  version: string;
  jetstream?: { config?: { store_dir?: string; sync_interval?: number; sync_always?: boolean } };
}

/** The first version that can sync a message before it acknowledges it. */
const SYNCS_SINCE = [2, 10];
/** These lose whole streams when they are killed (nats-server issue 6888, mended in 2.10.23). */
const LOSES_STREAMS = /^2\.10\.2[0-2]\b/;
const ANSWER_WITHIN_MS = 5_000;

/**
 * Only the monitoring port tells how often a server syncs; without one nothing more than `process` is known: a message is written
 * to its file before it is acknowledged, which the end of the server's process does not undo. Of replicated streams, servers that are
 * down need not be asked as long as more than half of them were: what is down acknowledges nothing. A server that is up and was not
 * asked may be one of those that acknowledge.
 */
export async function readDurability(
  server: NatsServerInfo,
  monitors: readonly string[],
  replicas = 1,
): Promise<NatsDurability> {
  const { jetstream, version } = server;
  const found = { natsVersion: version, unanswered: [] };
  if (jetstream !== true)
    return { ...found, level: undefined, how: "INFO: no JetStream", remedy: "start nats-server with -js" };
  if (LOSES_STREAMS.test(version)) {
    const how = `nats-server ${version} can lose a stream when it is killed`;
    return { ...found, level: undefined, how, remedy: "use 2.10.23 or newer" };
  }
  if (!canSync(version)) {
    const how = `nats-server ${version} cannot sync before it acknowledges`;
    return {
      ...found,
      level: "process",
      how,
      remedy: "fsync needs nats-server 2.10 or newer with jetstream { sync_interval: always }",
    };
  }
  if (monitors.length === 0) {
    const how = "INFO: JetStream; the sync interval is told by the monitoring port only, and none was named";
    const remedy = "name the monitoring ports of all servers with --nats-monitor http://host:8222[,…]";
    return { ...found, level: "process", how, remedy };
  }
  const seen = await Promise.all(monitors.map(varzOf));
  const answered = seen.filter((varz) => typeof varz !== "string");
  const unanswered = monitors.filter((_, index) => typeof seen[index] === "string");
  const how = `/varz: ${seen.map(describedSync).join("; ")}`;
  const process = (remedy: string, why = "") => ({ ...found, unanswered, level: "process" as const, how: how + why, remedy });
  if (answered.some((varz) => varz.jetstream?.config?.sync_always !== true)) {
    return process("set jetstream { sync_interval: always } on each server");
  }
  const asked = new Set(answered.map((varz) => varz.server_id));
  if (unanswered.length > 0) {
    const needed = replicas === 1 ? monitors.length : Math.floor(monitors.length / 2) + 1;
    if (asked.size < needed) {
      return process(`start the servers that do not answer: ${needed} of ${monitors.length} monitoring ports must`);
    }
    const unasked = await serversUnasked(
      monitors.filter((monitor) => !unanswered.includes(monitor)),
      asked,
    );
    if (unasked.length > 0) {
      return process(
        "name the monitoring port of each server with --nats-monitor, and let this node reach it",
        `; ${unasked.join(", ")}: up, and its monitoring port does not answer`,
      );
    }
  }
  if (!asked.has(server.server_id)) {
    const remedy = "name the monitoring port of each server that --nats names";
    return process(remedy, "; none is the server that this node is connected to");
  }
  const down = unanswered.length === 0 ? "" : `; verified for the ${asked.size} of ${monitors.length} servers that are up`;
  return { ...found, unanswered, level: "fsync", how: how + down, remedy: "" };
}

/** Why a node must not start at the wanted level, with what to do about it. Undefined: it may. */
export function durabilityRefusal(wanted: DurabilityLevel, found: NatsDurability): string | undefined {
  if (found.level === "fsync" || (found.level === "process" && wanted === "process")) return undefined;
  return `--durability ${wanted} cannot be had: ${found.how}. Remedy: ${found.remedy}, or use --durability process`;
}

function canSync(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = SYNCS_SINCE;
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/** The answer, or why there is none. */
async function varzOf(monitor: string): Promise<Varz | string> {
  try {
    return await answerOf<Varz>(monitor, "varz");
  } catch (error) {
    return `${monitor} does not answer (${(error as Error).message})`;
  }
}

/** Servers that those which answered have a route to, and that are none of them. */
async function serversUnasked(monitors: readonly string[], asked: ReadonlySet<string>): Promise<string[]> {
  const unasked = new Set<string>();
  for (const monitor of monitors) {
    try {
      const { routes = [] } = await answerOf<Routez>(monitor, "routez");
      for (const { remote_id: id, remote_name: name } of routes) if (!asked.has(id)) unasked.add(name ?? id);
    } catch {
      // It answered a moment ago, and now nobody knows whom it works with.
      unasked.add(monitor);
    }
  }
  return [...unasked];
}

interface Routez {
  routes?: { remote_id: string; remote_name?: string }[];
}

async function answerOf<T>(monitor: string, what: string): Promise<T> {
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
  return (await (await fetch(`${monitor.replace(/\/$/, "")}/${what}`, { signal })).json()) as T;
}

function describedSync(varz: Varz | string): string {
  if (typeof varz === "string") return varz;
  const { sync_always: always = false, sync_interval: intervalNs } = varz.jetstream?.config ?? {};
  return `sync_always ${always}, sync_interval ${intervalNs === undefined ? "not reported" : `${intervalNs / 1e9} s`}`;
}
