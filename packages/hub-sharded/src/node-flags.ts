/** The flags of the program `node-main`. */
import { parseArgs } from "node:util";
import { type DurabilityLevel, EDGE_FLAGS, type EdgeFlags, edgeFlagsOf } from "@hubscale/hub-runtime";
import { DEFAULT_LEASE_MS, DEFAULT_SHARDS, KEPT_COMPLETED_TASKS } from "./sharded-node.ts";

export interface NodeFlags extends EdgeFlags {
  node: string;
  host: string;
  port: number;
  engine: "redis" | "nats";
  redisUrls: string[];
  isRedisCluster: boolean;
  natsUrls: string[];
  natsMonitors: string[];
  replicas: number;
  namespace: string;
  shards: number;
  leaseMs: number;
  durability: DurabilityLevel;
  /** `off`, `reference`, or the path of a JSON file. */
  rateLimits: string;
  keepCompleted: number;
  seedCompletedRows: number;
  /** The node ends when its stdin ends: for a parent that may die without a word. */
  exitWithParent: boolean;
}

export type ParsedNodeFlags = { ok: true; flags: NodeFlags } | { ok: false; message: string };

export function parseNodeFlags(args: readonly string[], defaultNode: string): ParsedNodeFlags {
  try {
    return { ok: true, flags: flagsOf(args, defaultNode) };
  } catch (error) {
    return { ok: false, message: (error as Error).message };
  }
}

/** Long enough for a load balancer that asks `/health` every second to find out. */
const DEFAULT_DRAIN_MS = 3_000;
/** Below it, renewals would be lost to an ordinary pause of the process. */
const LEASE_MS_MIN = 200;
/** Each shard of each routing class is about ten keys that the slow probe looks at. */
const SHARDS_MAX = 256;

/** JetStream's own limit. */
const REPLICAS_MAX = 5;

function flagsOf(args: readonly string[], defaultNode: string): NodeFlags {
  const { values } = parseArgs({
    args: [...args],
    options: {
      node: { type: "string", default: defaultNode },
      host: { type: "string", default: "127.0.0.1" },
      port: { type: "string", default: "4000" },
      backbone: { type: "string", default: "redis" },
      redis: { type: "string", default: "redis://127.0.0.1:6379" },
      "redis-cluster": { type: "boolean", default: false },
      nats: { type: "string", default: "nats://127.0.0.1:4222" },
      "nats-monitor": { type: "string" },
      replicas: { type: "string", default: "1" },
      namespace: { type: "string", default: "hubscale" },
      shards: { type: "string", default: String(DEFAULT_SHARDS) },
      "lease-ms": { type: "string", default: String(DEFAULT_LEASE_MS) },
      durability: { type: "string", default: "fsync" },
      "rate-limits": { type: "string", default: "reference" },
      "retain-completed": { type: "string", default: String(KEPT_COMPLETED_TASKS) },
      "seed-completed-rows": { type: "string", default: "0" },
      "fsync-floor-ms": { type: "string" },
      "exit-with-parent": { type: "boolean", default: false },
      ...EDGE_FLAGS,
      "drain-ms": { type: "string", default: String(DEFAULT_DRAIN_MS) },
    },
  });
  const { durability, namespace, node } = values;
  if (values["fsync-floor-ms"] !== undefined) {
    throw new Error("--fsync-floor-ms is for the single hub: a server that syncs by itself cannot be slowed down from here");
  }
  if (durability !== "fsync" && durability !== "process") {
    throw new Error(`--durability must be fsync or process, not "${durability}"`);
  }
  if (!/^[\w-]{1,64}$/.test(namespace)) throw new Error(`--namespace must be letters, digits, - and _, not "${namespace}"`);
  if (!/^[\w.-]{1,64}$/.test(node)) throw new Error(`--node must be letters, digits, ., - and _, not "${node}"`);
  const redisUrls = values.redis.split(",").map((url) => url.trim());
  const shards = numberOf("--shards", values.shards, { min: 1, max: SHARDS_MAX });
  for (const url of redisUrls) {
    if (!/^rediss?:\/\//.test(url) || !URL.canParse(url)) throw new Error(`--redis must be redis://host:port, not "${url}"`);
  }
  if (!values["redis-cluster"] && redisUrls.length > shards) {
    throw new Error(`--redis names ${redisUrls.length} servers for ${shards} shards: use --shards ${redisUrls.length} or more`);
  }
  if (new Set(redisUrls).size < redisUrls.length) throw new Error("--redis names a server twice");
  const { backbone: engine } = values;
  if (engine !== "redis" && engine !== "nats") throw new Error(`--backbone must be redis or nats, not "${engine}"`);
  return {
    node,
    host: values.host,
    port: numberOf("--port", values.port, { min: 0, max: 65_535 }),
    engine,
    redisUrls,
    isRedisCluster: values["redis-cluster"],
    natsUrls: urlsOf("--nats", values.nats, /^(nats|tls):\/\//, "nats://host:port"),
    natsMonitors: urlsOf("--nats-monitor", values["nats-monitor"] ?? "", /^https?:\/\//, "http://host:port"),
    replicas: numberOf("--replicas", values.replicas, { min: 1, max: REPLICAS_MAX }),
    namespace,
    shards,
    leaseMs: numberOf("--lease-ms", values["lease-ms"], { min: LEASE_MS_MIN, max: 3_600_000 }),
    durability,
    rateLimits: values["rate-limits"],
    keepCompleted: numberOf("--retain-completed", values["retain-completed"], { min: 1, max: 10_000_000 }),
    seedCompletedRows: numberOf("--seed-completed-rows", values["seed-completed-rows"], { min: 0, max: 10_000_000 }),
    exitWithParent: values["exit-with-parent"],
    ...edgeFlagsOf(values),
  };
}

/** Separated by commas; an empty text has none. */
function urlsOf(flag: string, text: string, scheme: RegExp, form: string): string[] {
  const urls = text === "" ? [] : text.split(",").map((url) => url.trim());
  for (const url of urls) {
    if (!scheme.test(url) || !URL.canParse(url)) throw new Error(`${flag} must be ${form}, not "${url}"`);
  }
  return urls;
}

function numberOf(flag: string, text: string, { min, max }: { min: number; max: number }): number {
  const number = Number(text);
  if (text.trim() !== "" && Number.isInteger(number) && number >= min && number <= max) return number;
  throw new Error(`${flag} must be a whole number from ${min} to ${max}, not "${text}"`);
}
