/**
 * Keeps the records of all shards in order, one node at a time: removes what need not be kept, and writes tickets that a node's
 * death has prevented.
 */
import { type Cancel, type Clock, Unavailable } from "@hubscale/hub-runtime";
import type { QueueDirectory } from "../backbone.ts";
import type { HubStreams } from "./hub-streams.ts";
import type { JetStream } from "./jetstream.ts";
import type { NatsTaskQueue } from "./nats-task-queue.ts";
import { stateOf } from "./task-records.ts";

export interface RecordKeepingOptions {
  jetstream: JetStream;
  streams: HubStreams;
  queues: QueueDirectory;
  clock: Clock;
  leaseMs: number;
  /** Completed tasks that each routing class keeps, over all its shards. */
  keepCompleted: number;
  claim(duty: string, forMs: number): Promise<boolean>;
  onFault(error: unknown): void;
}

const EVERY_MS = 10_000;
/** A node that is alive writes the ticket at once. */
const MEND_AFTER_MS = 30_000;
/** Removals under way together. */
const AT_ONCE = 64;

export class RecordKeeping {
  readonly #options: RecordKeepingOptions;
  readonly #cancel: Cancel;
  #isRunning = false;

  constructor(options: RecordKeepingOptions) {
    this.#options = options;
    this.#cancel = options.clock.every(EVERY_MS, () => {
      if (!this.#isRunning) void this.#guarded();
    });
  }

  async run(): Promise<void> {
    const { claim, streams } = this.#options;
    for (let shard = 0; shard < streams.shards; shard++) {
      if (await claim(`records-${shard}`, EVERY_MS - 1_000)) await this.#keep(shard);
    }
  }

  close(): void {
    this.#cancel();
  }

  async #keep(shard: number): Promise<void> {
    const { clock, jetstream, keepCompleted, leaseMs, queues, streams } = this.#options;
    const stream = streams.records(shard);
    const completed = new Map<string, number[]>();
    const surplus: number[] = [];
    const unticketed: string[] = [];
    const nowMs = clock.nowMs();
    await jetstream.scan(stream, streams.record(shard, "*", "*"), { headersOnly: true }, ({ atMs, seq, state, subject }) => {
      const [className = "", taskId = ""] = subject.split(".").slice(-2);
      const kind = stateOf(state).state;
      if (kind === "completed") completed.set(className, push(completed.get(className), seq));
      // Nobody has a ticket in hand for longer than a lease without having read the record.
      if (kind === "gone" && nowMs - atMs > 2 * leaseMs) surplus.push(seq);
      if (kind === "queued" && nowMs - atMs > MEND_AFTER_MS) unticketed.push(taskId);
    });
    const keep = Math.ceil(keepCompleted / streams.shards);
    // Oldest first, since a record's last write is its place.
    for (const seqs of completed.values()) surplus.push(...seqs.slice(0, Math.max(0, seqs.length - keep)));
    for (let at = 0; at < surplus.length; at += AT_ONCE) {
      await Promise.all(surplus.slice(at, at + AT_ONCE).map((seq) => jetstream.removeMessage(stream, seq)));
    }
    for (const taskId of unticketed) await ((await queues.queueOf(taskId)) as NatsTaskQueue | undefined)?.mend(taskId);
  }

  async #guarded(): Promise<void> {
    this.#isRunning = true;
    try {
      await this.run();
    } catch (error) {
      // NATS is away: the next pass makes up for this one.
      if (!(error instanceof Unavailable)) this.#options.onFault(error);
    } finally {
      this.#isRunning = false;
    }
  }
}

function push<T>(list: T[] | undefined, item: T): T[] {
  if (!list) return [item];
  list.push(item);
  return list;
}
