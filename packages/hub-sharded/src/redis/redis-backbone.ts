/** The hub's tasks in Redis: opens the links, checks what the servers promise, and wires the ports. */
import { type BackplaneDescription, Cached, type Clock, type DurabilityLevel, type RandomHex } from "@hubscale/hub-runtime";
import { LIMITS } from "@hubscale/protocol";
import { type Backbone, CannotStart } from "../backbone.ts";
import { EventBus } from "../event-bus.ts";
import { HoldTokens } from "../hold-tokens.ts";
import { durabilityRefusal, type RedisDurability } from "./durability.ts";
import { defineScripts } from "./queue-scripts.ts";
import { RedisBackplane } from "./redis-backplane.ts";
import { RedisBroadcast } from "./redis-broadcast.ts";
import type { RedisLink } from "./redis-link.ts";
import { RedisParkedTasks } from "./redis-parked-tasks.ts";
import { RedisSubmissions } from "./redis-submissions.ts";
import { RedisQueueDirectory } from "./redis-queue-directory.ts";
import { dropOldCompleted, RETENTION_EVERY_MS } from "./retention.ts";
import { homeOf, RedisServers } from "./redis-servers.ts";

export interface RedisBackboneOptions {
  node: string;
  /** One server, several, or (`isRedisCluster`) servers of one cluster. */
  redisUrls: readonly string[];
  isRedisCluster: boolean;
  namespace: string;
  shards: number;
  leaseMs: number;
  durability: DurabilityLevel;
  /** Completed tasks that the hub keeps, the newest. */
  keepCompleted: number;
  clock: Clock;
  randomHex: RandomHex;
  log(line: string): void;
}

/** Throws `CannotStart`. */
export async function openRedisBackbone(options: RedisBackboneOptions): Promise<Backbone> {
  const { clock, log, namespace, node, randomHex } = options;
  const servers = new RedisServers({ urls: options.redisUrls, isCluster: options.isRedisCluster, clock, log });
  const link = servers.home;
  try {
    await servers.open();
    for (const found of await readableDurabilities(servers)) {
      const refusal = durabilityRefusal(options.durability, found);
      if (refusal !== undefined) throw new CannotStart(refusal);
    }
    await servers.checkPermissions(namespace);
    await servers.agreeOn(options.shards, namespace);
    for (const { commands } of servers.all) defineScripts(commands);
    const queues = new RedisQueueDirectory({ ...options, servers, tokens: new HoldTokens(node, randomHex) });
    await queues.refresh();
    const home = homeOf(namespace);
    const broadcast = new RedisBroadcast(servers, namespace, clock);
    const bus = new EventBus(broadcast, clock);
    const durabilities = new Cached(clock, () => servers.durabilities());
    const stopRetention = clock.every(RETENTION_EVERY_MS, () => void retain(options, link, queues));
    return {
      queues,
      broadcast,
      parked: new RedisParkedTasks(link, home),
      submissions: new RedisSubmissions(servers, namespace),
      backplane: new RedisBackplane({
        link,
        namespace: home,
        bus,
        observeStore(heard) {
          for (const each of servers.all) each.observe = heard;
        },
        describe: async () => describe(options, await durabilities.get(), servers.isCluster, queues),
      }),
      // A connection is served in the order of its commands.
      servesInOrder: true,
      claim: (duty, forMs) => claim(link, `${home}:${duty}`, forMs),
      close: () => {
        stopRetention();
        servers.close();
      },
    };
  } catch (error) {
    servers.close();
    throw servers.startFailure(error);
  }
}

/** A server that does not say what it keeps cannot be trusted with an acknowledgement. */
async function readableDurabilities(servers: RedisServers): Promise<RedisDurability[]> {
  try {
    return await servers.durabilities();
  } catch (error) {
    const { cause } = error as Error;
    if (!/NOPERM|unknown command/i.test((cause as Error | undefined)?.message ?? "")) throw error;
    const said = (cause as Error).message.trim();
    throw new CannotStart(
      `the durability of Redis cannot be read, since INFO or CONFIG GET is not allowed (${said}). Remedy: ACL SETUSER <user> +info +config|get (before Redis 7: +config); where CONFIG is renamed or disabled, give it back its name, or use another Redis`,
    );
  }
}

/** What fails is made good by the next round: nothing depends on it but the size of the store. */
async function retain(
  { namespace, keepCompleted, log }: RedisBackboneOptions,
  link: RedisLink,
  queues: RedisQueueDirectory,
): Promise<void> {
  try {
    const isMine = await claim(link, `${homeOf(namespace)}:retention`, RETENTION_EVERY_MS - 1_000);
    if (isMine) await dropOldCompleted({ queues: () => queues.all(), keepCompleted });
  } catch (error) {
    log(`completed tasks could not be dropped: ${(error as Error).message}`);
  }
}

async function claim(link: RedisLink, key: string, forMs: number): Promise<boolean> {
  return (await link.run(() => link.commands.set(key, "1", "PX", forMs, "NX"))) === "OK";
}

function describe(
  options: RedisBackboneOptions,
  found: Awaited<ReturnType<RedisServers["durabilities"]>>,
  isCluster: boolean,
  queues: RedisQueueDirectory,
): BackplaneDescription {
  const { keepCompleted, leaseMs, namespace, node, shards } = options;
  const level = weakest(found);
  const how = [...new Set(found.map((each) => each.how))].join("; ");
  const size = [...queues.all()].length;
  return {
    hub: "sharded-redis",
    node,
    // A server that was changed since the start may keep less than any level.
    durability: { verified: level ?? null, how: level === undefined ? `not durable at all; ${how}` : how },
    details: {
      redis_version: [...new Set(found.map(({ redisVersion }) => redisVersion))].join(", "),
      redis_servers: found.length,
      redis_cluster: isCluster,
      namespace,
      shards,
      routing_classes: size / shards,
      queues: size,
      lease_ms: leaseMs,
      kept_completed: keepCompleted,
      document_bytes: LIMITS.documentBytes,
    },
  };
}

/** A hub keeps what the weakest of its servers keeps. */
function weakest(found: readonly RedisDurability[]): DurabilityLevel | undefined {
  if (found.some(({ level }) => level === undefined)) return undefined;
  return found.every(({ level }) => level === "fsync") ? "fsync" : "process";
}
