/** The hub's queues in one Redis: a BullMQ queue for each routing class in each shard, all on the node's one connection. */
import { RedisConnection } from "bullmq";
import type { Head, QueueDirectory } from "../backbone.ts";
import type { HoldTokens } from "../hold-tokens.ts";
import { placeOf } from "../task-id.ts";
import { ClassDirectory } from "./class-directory.ts";
import type { RedisLink } from "./redis-link.ts";
import { RedisTaskQueue } from "./redis-task-queue.ts";
import { ShardQueue } from "./shard-queue.ts";

export interface RedisQueueDirectoryOptions {
  link: RedisLink;
  tokens: HoldTokens;
  namespace: string;
  shards: number;
  leaseMs: number;
  /** Completed tasks that each routing class keeps, over all its shards. */
  keepCompleted: number;
}

/** Queues counted by one pipeline. */
const COUNT_CHUNK = 256;

export class RedisQueueDirectory implements QueueDirectory {
  readonly #classes: ClassDirectory;
  readonly #options: RedisQueueDirectoryOptions;
  readonly #connection: RedisConnection;
  /** By class number, then shard. */
  readonly #queues = new Map<number, readonly RedisTaskQueue[]>();

  /** The link must be open. */
  constructor(options: RedisQueueDirectoryOptions) {
    this.#options = options;
    this.#classes = new ClassDirectory(options.link.commands, options.namespace);
    this.#connection = new RedisConnection(options.link.commands, { shared: true, blocking: false });
    // The link reports errors of the same connection itself.
    this.#connection.on("error", () => undefined);
  }

  async refresh(): Promise<void> {
    await this.#connection.client;
    for (const classNumber of await this.#options.link.run(() => this.#classes.refresh())) this.#open(classNumber);
  }

  all(): Iterable<RedisTaskQueue> {
    return [...this.#queues.values()].flat();
  }

  async classNumberOf(className: string): Promise<number | undefined> {
    const known = this.#classes.numberOf(className);
    if (known !== undefined) return known;
    const { link } = this.#options;
    const classNumber = await link.run(() => this.#classes.register(className));
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

  async heads(queues: readonly RedisTaskQueue[]): Promise<Head[]> {
    const heads: Head[] = [];
    for (let at = 0; at < queues.length; at += COUNT_CHUNK) {
      heads.push(...(await RedisTaskQueue.heads(this.#options.link, queues.slice(at, at + COUNT_CHUNK))));
    }
    return heads;
  }

  #open(classNumber: number): readonly RedisTaskQueue[] {
    const opened = this.#queues.get(classNumber);
    if (opened) return opened;
    const name = this.#classes.nameOf(classNumber);
    if (name === undefined) throw new Error(`routing class ${classNumber} has no name`);
    const { link, tokens, namespace, shards, leaseMs, keepCompleted } = this.#options;
    const queues = Array.from({ length: shards }, (_, shard) => {
      const queue = new ShardQueue({
        redis: link.commands,
        connection: this.#connection,
        namespace,
        classNumber,
        className: name,
        shard,
        leaseMs,
        stalledCheckMs: stalledCheckMs(leaseMs),
        keepCompleted: Math.ceil(keepCompleted / shards),
      });
      return new RedisTaskQueue({ link, queue, tokens });
    });
    this.#queues.set(classNumber, queues);
    return queues;
  }
}

/** All nodes look for lost leases a bit less often than this; BullMQ lets only one of them do it in each interval. */
const stalledCheckMs = (leaseMs: number): number => Math.floor(leaseMs / 4);
