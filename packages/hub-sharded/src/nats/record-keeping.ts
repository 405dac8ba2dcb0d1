/**
 * Keeps the records of all shards in order, one node at a time: removes what need not be kept, writes tickets that a node's
 * death has prevented, and brings back those that a lane has lost sight of.
 */
import { type Cancel, type Clock, Refused } from "@hubscale/hub-runtime";
import { isEngineRefusal } from "../backbone.ts";
import type { HubStreams } from "./hub-streams.ts";
import type { JetStream } from "./jetstream.ts";
import type { NatsQueueDirectory } from "./nats-queue-directory.ts";
import { scanStream } from "./stream-scan.ts";
import { stateOf } from "./task-records.ts";

export interface RecordKeepingOptions {
  jetstream: JetStream;
  streams: HubStreams;
  queues: NatsQueueDirectory;
  clock: Clock;
  leaseMs: number;
  /** Completed tasks that the hub keeps, the newest. */
  keepCompleted: number;
  claim(duty: string, forMs: number): Promise<boolean>;
  log(line: string): void;
  onFault(error: unknown): void;
}

const EVERY_MS = 30_000;
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
    const { claim, keepCompleted, jetstream, log, queues, streams } = this.#options;
    if (!(await claim("records", EVERY_MS - 1_000))) return;
    const completed: CompletedRecord[] = [];
    for (let shard = 0; shard < streams.shards; shard++) {
      completed.push(...(await this.#keep(shard)));
      const anew = await queues.mendLanes(shard);
      if (anew.length > 0) log(`lanes ${anew.join(", ")} of shard ${shard} had lost sight of tickets and are made anew`);
    }
    completed.sort((a, b) => a.atMs - b.atMs);
    const surplus = completed.slice(0, Math.max(0, completed.length - keepCompleted));
    await eachOf(surplus, ({ seq, shard }) => jetstream.removeMessage(streams.records(shard), seq));
  }

  close(): void {
    this.#cancel();
  }

  /** The completed tasks of the shard, which may be too many. */
  async #keep(shard: number): Promise<CompletedRecord[]> {
    const { clock, jetstream, leaseMs, queues, streams } = this.#options;
    const stream = streams.records(shard);
    const completed: CompletedRecord[] = [];
    const gone: number[] = [];
    const unticketed: string[] = [];
    const nowMs = clock.nowMs();
    const scan = { stream, filter: streams.record(shard, "*", "*"), headersOnly: true };
    await scanStream(jetstream, scan, ({ atMs, seq, state, subject }) => {
      const kind = stateOf(state).state;
      if (kind === "completed") completed.push({ atMs, seq, shard });
      // Nobody has a ticket in hand for longer than a lease without having read the record.
      if (kind === "gone" && nowMs - atMs > 2 * leaseMs) gone.push(seq);
      if (kind === "queued" && nowMs - atMs > MEND_AFTER_MS) unticketed.push(subject.slice(subject.lastIndexOf(".") + 1));
    });
    await eachOf(gone, (seq) => jetstream.removeMessage(stream, seq));
    for (const taskId of unticketed) {
      const queue = await queues.queueOf(taskId);
      await queue?.mend(taskId).catch(leftAlone);
    }
    return completed;
  }

  async #guarded(): Promise<void> {
    this.#isRunning = true;
    try {
      await this.run();
    } catch (error) {
      // NATS is away: the next pass makes up for this one.
      if (!isEngineRefusal(error)) this.#options.onFault(error);
    } finally {
      this.#isRunning = false;
    }
  }
}

/** A completed task's record. */
interface CompletedRecord {
  atMs: number;
  seq: number;
  shard: number;
}

/** A task that its stream does not take must not keep the others from theirs. */
function leftAlone(error: unknown): void {
  if (!(error instanceof Refused)) throw error;
}

async function eachOf<T>(all: readonly T[], run: (each: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < all.length; at += AT_ONCE) await Promise.all(all.slice(at, at + AT_ONCE).map(run));
}
