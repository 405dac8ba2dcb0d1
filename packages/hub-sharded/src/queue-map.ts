/** All queues of the hub as this node knows them: each routing class in each shard. */
import { RedisConnection } from "bullmq";
import { ClassDirectory } from "./class-directory.ts";
import type { RedisLink } from "./redis-link.ts";
import { ShardQueue } from "./shard-queue.ts";
import { placeOf } from "./task-id.ts";

export interface QueueMapOptions {
  link: RedisLink;
  namespace: string;
  shards: number;
  leaseMs: number;
  stalledCheckMs: number;
  /** Completed tasks that each routing class keeps, over all its shards. */
  keepCompleted: number;
}

export class QueueMap {
  readonly directory: ClassDirectory;
  readonly #options: QueueMapOptions;
  readonly #connection: RedisConnection;
  /** By class number, then shard. */
  readonly #queues = new Map<number, readonly ShardQueue[]>();

  /** The link must be open. */
  constructor(options: QueueMapOptions) {
    this.#options = options;
    this.directory = new ClassDirectory(options.link.commands, options.namespace);
    this.#connection = new RedisConnection(options.link.commands, { shared: true, blocking: false });
    // The link reports errors of the same connection itself.
    this.#connection.on("error", () => undefined);
  }

  get shards(): number {
    return this.#options.shards;
  }

  /** Learns of the classes that other nodes have registered. */
  async refresh(): Promise<void> {
    await this.#connection.client;
    for (const classNumber of await this.directory.refresh()) this.#open(classNumber);
  }

  all(): Iterable<ShardQueue> {
    return [...this.#queues.values()].flat();
  }

  get size(): number {
    return this.#queues.size * this.#options.shards;
  }

  /** The number of a routing class, registered if need be. Undefined: there are too many classes. */
  async classNumberOf(routingClass: string): Promise<number | undefined> {
    const known = this.directory.numberOf(routingClass);
    if (known !== undefined) return known;
    const classNumber = await this.directory.register(routingClass);
    if (classNumber === undefined) return undefined;
    await Promise.all(this.#open(classNumber).map((queue) => queue.prepare()));
    return classNumber;
  }

  /** Undefined: this node does not know the class (yet). */
  queueAt(classNumber: number, shard: number): ShardQueue | undefined {
    return this.#queues.get(classNumber)?.[shard];
  }

  /** The queue that a task's id names; asks Redis for a class that this node does not know. Undefined: no such class. */
  async queueOf(taskId: string): Promise<ShardQueue | undefined> {
    const place = placeOf(taskId, this.#options.shards);
    if (!place) return undefined;
    const known = this.queueAt(place.classNumber, place.shard);
    if (known) return known;
    await this.refresh();
    return this.queueAt(place.classNumber, place.shard);
  }

  #open(classNumber: number): readonly ShardQueue[] {
    const opened = this.#queues.get(classNumber);
    if (opened) return opened;
    const name = this.directory.nameOf(classNumber);
    if (name === undefined) throw new Error(`routing class ${classNumber} has no name`);
    const { link, namespace, shards, leaseMs, stalledCheckMs, keepCompleted } = this.#options;
    const queues = Array.from(
      { length: shards },
      (_, shard) =>
        new ShardQueue({
          redis: link.commands,
          connection: this.#connection,
          namespace,
          classNumber,
          className: name,
          shard,
          leaseMs,
          stalledCheckMs,
          keepCompleted: Math.ceil(keepCompleted / shards),
        }),
    );
    this.#queues.set(classNumber, queues);
    return queues;
  }
}
