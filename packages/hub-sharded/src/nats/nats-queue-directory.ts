/** The hub's queues over JetStream, and the routing classes that were ever used, each with its number in the hub's bucket. */
import type { Clock } from "@hubscale/hub-runtime";
import type { Head, QueueDirectory } from "../backbone.ts";
import { FIRST_RANK, rankOf } from "../backlog.ts";
import type { HoldTokens } from "../hold-tokens.ts";
import { placeOf, ROUTING_CLASSES_MAX } from "../task-id.ts";
import type { Holders } from "./holders.ts";
import type { HubBucket } from "./hub-bucket.ts";
import type { HubStreams } from "./hub-streams.ts";
import type { JetStream } from "./jetstream.ts";
import { NatsTaskQueue } from "./nats-task-queue.ts";
import { ShardLanes } from "./shard-lanes.ts";

export interface NatsQueueDirectoryOptions {
  jetstream: JetStream;
  streams: HubStreams;
  bucket: HubBucket;
  holders: Holders;
  tokens: HoldTokens;
  clock: Clock;
  node: string;
  leaseMs: number;
}

export class NatsQueueDirectory implements QueueDirectory {
  readonly #options: NatsQueueDirectoryOptions;
  readonly #lanes: readonly ShardLanes[];
  /** By class number, then shard. Numbers have no gaps. */
  readonly #queues: (readonly NatsTaskQueue[])[] = [];
  readonly #numberOf = new Map<string, number>();

  constructor(options: NatsQueueDirectoryOptions) {
    this.#options = options;
    const { jetstream, leaseMs, streams } = options;
    this.#lanes = Array.from(
      { length: streams.shards },
      (_, shard) => new ShardLanes({ jetstream, leaseMs, stream: streams.tickets(shard) }),
    );
  }

  async refresh(): Promise<void> {
    while (this.#queues.length < ROUTING_CLASSES_MAX) {
      const number = this.#queues.length;
      const name = await this.#options.bucket.get("class", String(number));
      if (name === undefined) return;
      // Another call may have been quicker.
      if (this.#queues.length === number) this.#open(number, name);
    }
  }

  all(): Iterable<NatsTaskQueue> {
    return this.#queues.flat();
  }

  /** The next free number; who finds it taken learns of the class that has it, so no class gets two. */
  async classNumberOf(className: string): Promise<number | undefined> {
    for (;;) {
      const known = this.#numberOf.get(className);
      if (known !== undefined) return known;
      const number = this.#queues.length;
      if (number >= ROUTING_CLASSES_MAX) return undefined;
      await this.#options.bucket.create(className, "class", String(number));
      await this.refresh();
    }
  }

  /** Makes lanes anew that have lost sight of a ticket; their names. */
  mendLanes(shard: number): Promise<string[]> {
    return (this.#lanes[shard] as ShardLanes).mend();
  }

  queueAt(classNumber: number, shard: number): NatsTaskQueue | undefined {
    return this.#queues[classNumber]?.[shard];
  }

  async queueOf(taskId: string): Promise<NatsTaskQueue | undefined> {
    const place = placeOf(taskId, this.#options.streams.shards);
    if (!place) return undefined;
    const known = this.queueAt(place.classNumber, place.shard);
    if (known) return known;
    await this.refresh();
    return this.queueAt(place.classNumber, place.shard);
  }

  /** One request for each shard, whatever the number of queues. */
  heads(queues: readonly NatsTaskQueue[]): Promise<Head[]> {
    return Promise.all(
      queues.map(async (queue) => {
        const waiting = await queue.waiting();
        const first = waiting.findIndex((count) => count > 0);
        const count = waiting.reduce((sum, each) => sum + each, 0);
        return { count, firstRank: first < 0 ? FIRST_RANK : rankOf({ priority: first as 0 | 1 | 2 | 3, created_at: 0 }) };
      }),
    );
  }

  #open(classNumber: number, className: string): void {
    this.#numberOf.set(className, classNumber);
    this.#queues.push(
      this.#lanes.map((lanes, shard) => new NatsTaskQueue({ ...this.#options, lanes, classNumber, className, shard })),
    );
  }
}
