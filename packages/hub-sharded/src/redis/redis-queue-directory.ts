/** The hub's queues in Redis: a BullMQ queue for each routing class in each shard, all of a server on the node's one connection to it. */
import { RedisConnection } from "bullmq";
import type { Clock } from "@hubscale/hub-runtime";
import { type Head, isEngineRefusal, type QueueDirectory } from "../backbone.ts";
import type { HoldTokens } from "../hold-tokens.ts";
import { placeOf } from "../task-id.ts";
import { ClassDirectory } from "./class-directory.ts";
import type { RedisLink } from "./redis-link.ts";
import { homeOf, type RedisServers } from "./redis-servers.ts";
import { RedisTaskQueue } from "./redis-task-queue.ts";
import { ShardQueue } from "./shard-queue.ts";

export interface RedisQueueDirectoryOptions {
  servers: RedisServers;
  clock: Clock;
  tokens: HoldTokens;
  namespace: string;
  shards: number;
  leaseMs: number;
  /** Completed tasks that each routing class keeps at most, over all its shards; what the hub keeps in all is the retention's. */
  keepCompleted: number;
}

/** Queues counted by one pipeline. */
const COUNT_CHUNK = 256;

export class RedisQueueDirectory implements QueueDirectory {
  readonly #classes: ClassDirectory;
  readonly #options: RedisQueueDirectoryOptions;
  /** One for each server, on the node's own connection to it. */
  readonly #connections: readonly RedisConnection[];
  /** By class number, then shard. */
  readonly #queues = new Map<number, readonly RedisTaskQueue[]>();

  /** The servers must be open. */
  constructor(options: RedisQueueDirectoryOptions) {
    this.#options = options;
    const { all, home } = options.servers;
    this.#classes = new ClassDirectory(home.commands, homeOf(options.namespace));
    this.#connections = all.map(({ commands }) => new RedisConnection(commands, { shared: true, blocking: false }));
    // The link reports errors of the same connection itself.
    for (const connection of this.#connections) connection.on("error", () => undefined);
  }

  async refresh(): Promise<void> {
    await Promise.all(this.#connections.map(({ client }) => client));
    for (const classNumber of await this.#options.servers.home.run(() => this.#classes.refresh())) this.#open(classNumber);
  }

  all(): Iterable<RedisTaskQueue> {
    return [...this.#queues.values()].flat();
  }

  async classNumberOf(className: string): Promise<number | undefined> {
    const known = this.#classes.numberOf(className);
    if (known !== undefined) return known;
    const classNumber = await this.#options.servers.home.run(() => this.#classes.register(className));
    if (classNumber === undefined) return undefined;
    await Promise.all(this.#open(classNumber).map((queue) => queue.prepare()));
    return classNumber;
  }

  queueAt(classNumber: number, shard: number): RedisTaskQueue | undefined {
    return this.#queues.get(classNumber)?.[shard];
  }

  async queueOf(taskId: string): Promise<RedisTaskQueue | undefined> {
    const place = placeOf(taskId, this.#options.shards);
    if (!place) return undefined;
    const known = this.queueAt(place.classNumber, place.shard);
    if (known) return known;
    await this.refresh();
    return this.queueAt(place.classNumber, place.shard);
  }

  async heads(queues: readonly RedisTaskQueue[]): Promise<(Head | undefined)[]> {
    const headOf = new Map<RedisTaskQueue, Head>();
    await Promise.all([...byServer(queues)].map((group) => countInto(headOf, group)));
    return queues.map((queue) => headOf.get(queue));
  }

  #open(classNumber: number): readonly RedisTaskQueue[] {
    const opened = this.#queues.get(classNumber);
    if (opened) return opened;
    const name = this.#classes.nameOf(classNumber);
    if (name === undefined) throw new Error(`routing class ${classNumber} has no name`);
    const { clock, servers, tokens, namespace, shards, leaseMs, keepCompleted } = this.#options;
    const queues = Array.from({ length: shards }, (_, shard) => {
      const link = servers.ofShard(shard);
      const queue = new ShardQueue({
        redis: link.commands,
        connection: this.#connections[servers.all.indexOf(link)] as RedisConnection,
        namespace,
        classNumber,
        className: name,
        shard,
        leaseMs,
        stalledCheckMs: stalledCheckMs(leaseMs),
        keepCompleted: Math.ceil(keepCompleted / shards),
      });
      return new RedisTaskQueue({ link, queue, tokens, clock });
    });
    this.#queues.set(classNumber, queues);
    return queues;
  }
}

function byServer(queues: readonly RedisTaskQueue[]): Iterable<RedisTaskQueue[]> {
  const groups: { link: RedisLink; slot: number; queues: RedisTaskQueue[] }[] = [];
  for (const queue of queues) {
    const { link, slot } = queue.server;
    const group = groups.find((each) => each.link === link && each.slot === slot);
    if (group) group.queues.push(queue);
    else groups.push({ link, slot, queues: [queue] });
  }
  return groups.map((group) => group.queues);
}

/** A server that does not answer leaves the heads of its queues unknown; the others are wanted all the more. */
async function countInto(headOf: Map<RedisTaskQueue, Head>, queues: readonly RedisTaskQueue[]): Promise<void> {
  try {
    for (let at = 0; at < queues.length; at += COUNT_CHUNK) {
      const chunk = queues.slice(at, at + COUNT_CHUNK);
      const heads = await RedisTaskQueue.heads((chunk[0] as RedisTaskQueue).server.link, chunk);
      for (const [index, head] of heads.entries()) headOf.set(chunk[index] as RedisTaskQueue, head);
    }
  } catch (error) {
    if (!isEngineRefusal(error)) throw error;
  }
}

/** All nodes look for lost leases a bit less often than this; BullMQ lets only one of them do it in each interval. */
const stalledCheckMs = (leaseMs: number): number => Math.floor(leaseMs / 4);
