/**
 * The Redis servers of a hub, one or several, or one Redis Cluster, and what lies where. Shard s of the queues lies on server
 * s mod R, with everything that is known of its tasks; a cluster spreads them by the hash tag of their keys. What the hub has
 * once (classes, tokens, endpoints, messages, what parked tasks wait for, the bus) lies at home: on the first server.
 */
import { type Clock, Unavailable } from "@hubscale/hub-runtime";
import type { Redis } from "ioredis";
import { CannotStart } from "../backbone.ts";
import { readDurability } from "./durability.ts";
import { reasonInWords, whyNotOpen } from "./redis-diagnosis.ts";
import { hostsOf, listenerOf, type RedisClient, RedisLink } from "./redis-link.ts";
import { missingPermissions, permissionRefusal } from "./redis-permissions.ts";

export interface RedisServersOptions {
  urls: readonly string[];
  isCluster: boolean;
  clock: Clock;
  log(line: string): void;
}

/** A server that is not ready by then (loading its data, a cluster that is down, silent) is said to be so, and the node ends. */
const READY_WITHIN_MS = 10_000;

export class RedisServers {
  /** Of everything that the hub has once. */
  readonly home: RedisLink;
  /** Each server, or the one cluster. */
  readonly all: readonly RedisLink[];
  readonly listener: RedisClient;
  readonly urls: readonly string[];
  readonly isCluster: boolean;
  readonly #clock: Clock;

  constructor(options: RedisServersOptions) {
    const { urls, isCluster } = options;
    this.urls = urls;
    this.isCluster = isCluster;
    this.#clock = options.clock;
    const onStale = () => this.listener.disconnect(true);
    const home = new RedisLink({ ...options, urls: isCluster ? urls : urls.slice(0, 1), onStale });
    this.home = home;
    this.all = isCluster ? [home] : [home, ...urls.slice(1).map((url) => new RedisLink({ ...options, urls: [url] }))];
    this.listener = listenerOf(options);
  }

  ofShard(shard: number): RedisLink {
    return this.all[shard % this.all.length] as RedisLink;
  }

  /** Throws `CannotStart`. */
  async open(): Promise<void> {
    await Promise.all(this.all.map((link, index) => this.#opened(link.open(), this.#urlsOf(index))));
    await this.#opened(this.listener.connect(), this.#urlsOf(0));
  }

  async #opened(opening: Promise<void>, urls: readonly string[]): Promise<void> {
    try {
      await within(this.#clock, opening);
    } catch {
      // The client only says that the connection is closed.
      throw new CannotStart(await whyNotOpen(urls, { isCluster: this.isCluster, withinMs: READY_WITHIN_MS }));
    }
  }

  /** Throws `CannotStart` when the user of a server may not do all that a hub does. */
  async checkPermissions(namespace: string): Promise<void> {
    const of = { key: `${homeOf(namespace)}:probe`, channel: `${namespace}:probe` };
    for (const [index, link] of this.all.entries()) {
      for (const redis of mastersOf(link)) {
        const missing = await link.run(() => missingPermissions(redis, of));
        const user = new URL(this.urls[index] as string).username || "default";
        const refusal = permissionRefusal(missing, { host: hostOf(redis), user: decodeURIComponent(user), namespace });
        if (refusal !== undefined) throw new CannotStart(refusal);
      }
    }
  }

  /** What each server promises, the cluster's servers one by one. */
  async durabilities() {
    const found = this.all.map((link) => link.run(() => Promise.all(mastersOf(link).map(readDurability))));
    return (await Promise.all(found)).flat();
  }

  /** Why the hub's first commands failed, for who starts it. */
  startFailure(error: unknown): CannotStart {
    if (error instanceof CannotStart) return error;
    const cause = error instanceof Unavailable ? (error.cause ?? error) : error;
    return new CannotStart(reasonInWords(hostsOf(this.urls), cause), { cause });
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

  #urlsOf(index: number): readonly string[] {
    return this.isCluster ? this.urls : this.urls.slice(index, index + 1);
  }

  async #agree(link: RedisLink, namespace: string, field: string, value: number): Promise<number> {
    const key = `${homeOf(namespace)}:hub`;
    await link.run(() => link.commands.hsetnx(key, field, value));
    return Number(await link.run(() => link.commands.hget(key, field)));
  }
}

/** Rejects when `asked` has not ended in the time that a node's start may take. */
export async function within<T>(clock: Clock, asked: Promise<T>): Promise<T> {
  let cancel = () => {};
  const late = new Promise<never>((_, reject) => {
    cancel = clock.after(READY_WITHIN_MS, () => reject(new Error(`no answer within ${READY_WITHIN_MS / 1_000} s`)));
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    cancel();
  }
}

/** The server of a link, or those of the cluster that take writes. */
function mastersOf({ commands }: RedisLink): Redis[] {
  return "nodes" in commands ? commands.nodes("master") : [commands as Redis];
}

const hostOf = ({ options: { host, port } }: Redis): string => `${host}:${port}`;

/** Prefix of the keys of what the hub has once. The braces keep them in one slot of a cluster, so that scripts may use several. */
export const homeOf = (namespace: string): string => `{${namespace}}`;
