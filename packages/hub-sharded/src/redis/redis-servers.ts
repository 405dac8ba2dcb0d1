/**
 * The Redis servers of a hub, one or several, or one Redis Cluster, and what lies where. Shard s of the queues lies on server
 * s mod R, with everything that is known of its tasks; a cluster spreads them by the hash tag of their keys. What the hub has
 * once (classes, tokens, endpoints, messages, what parked tasks wait for, the bus) lies at home: on the first server.
 */
import type { Clock } from "@hubscale/hub-runtime";
import { CannotStart } from "../backbone.ts";
import { type RedisDurability, readDurability } from "./durability.ts";
import { listenerOf, type RedisClient, RedisLink } from "./redis-link.ts";

export interface RedisServersOptions {
  urls: readonly string[];
  isCluster: boolean;
  clock: Clock;
  log(line: string): void;
}

export class RedisServers {
  /** Of everything that the hub has once. */
  readonly home: RedisLink;
  /** Each server, or the one cluster. */
  readonly all: readonly RedisLink[];
  readonly listener: RedisClient;
  readonly urls: readonly string[];
  readonly isCluster: boolean;

  constructor(options: RedisServersOptions) {
    const { urls, isCluster } = options;
    this.urls = urls;
    this.isCluster = isCluster;
    this.all = isCluster ? [new RedisLink(options)] : urls.map((url) => new RedisLink({ ...options, urls: [url] }));
    this.home = this.all[0] as RedisLink;
    this.listener = listenerOf(options);
  }

  ofShard(shard: number): RedisLink {
    return this.all[shard % this.all.length] as RedisLink;
  }

  /** Throws `CannotStart`. */
  async open(): Promise<void> {
    const connect = async (client: { open(): Promise<void> }, url: string) => {
      try {
        await client.open();
      } catch (cause) {
        const { host } = new URL(url);
        throw new CannotStart(`no answer from Redis at ${host}: start one there, or name another with --redis`, { cause });
      }
    };
    await Promise.all(this.all.map((link, index) => connect(link, this.urls[index] as string)));
    await this.listener.connect();
  }

  /** What each server promises, the cluster's servers one by one. */
  async durabilities(): Promise<RedisDurability[]> {
    const { commands } = this.home;
    if ("nodes" in commands) return this.home.run(() => Promise.all(commands.nodes("master").map(readDurability)));
    return Promise.all(
      this.all.map((link) => link.run(() => readDurability(link.commands as Parameters<typeof readDurability>[0]))),
    );
  }

  /**
   * A task's id names its shard and the shard its server, so all nodes must count alike, now and after a restart. Throws
   * `CannotStart`.
   */
  async agreeOn(shards: number, namespace: string): Promise<void> {
    const agreed = await this.#agree(this.home, namespace, "shards", shards);
    if (agreed !== shards) {
      throw new CannotStart(
        `namespace ${namespace} has ${agreed} shards, not ${shards}: use --shards ${agreed} or another --namespace`,
      );
    }
    const servers = this.isCluster ? 0 : this.all.length;
    const agreedServers = await this.#agree(this.home, namespace, "servers", servers);
    if (agreedServers !== servers) {
      const before = agreedServers === 0 ? "a Redis Cluster" : `${agreedServers} Redis servers`;
      throw new CannotStart(`namespace ${namespace} lies on ${before}: name the same with --redis, or use another --namespace`);
    }
    for (const [index, link] of this.all.entries()) {
      const place = await this.#agree(link, namespace, "place", index);
      if (place === index) continue;
      const { host } = new URL(this.urls[index] as string);
      throw new CannotStart(
        `namespace ${namespace} has ${host} as its server ${place + 1}, not ${index + 1}: --redis must name the servers in the order of before`,
      );
    }
  }

  close(): void {
    for (const link of this.all) link.close();
    this.listener.disconnect();
  }

  async #agree({ commands }: RedisLink, namespace: string, field: string, value: number): Promise<number> {
    const key = `${homeOf(namespace)}:hub`;
    await commands.hsetnx(key, field, value);
    return Number(await commands.hget(key, field));
  }
}

/** Prefix of the keys of what the hub has once. The braces keep them in one slot of a cluster, so that scripts may use several. */
export const homeOf = (namespace: string): string => `{${namespace}}`;
