/** The lanes of all routing classes in one shard, as the consumers of its ticket stream. A lane is made with its first ticket. */
import type { ConsumerState, JetStream } from "./jetstream.ts";

export interface ShardLanesOptions {
  jetstream: JetStream;
  /** The shard's stream of tickets. */
  stream: string;
  leaseMs: number;
}

/** A count is shared by all who ask within this time: a sweep asks for each routing class. */
const FRESH_MS = 100;

export class ShardLanes {
  readonly #options: ShardLanesOptions;
  /** Lanes by name, with the subjects of their tickets. */
  readonly #known = new Map<string, string>();
  /** By name; those that are being made. */
  readonly #making = new Map<string, Promise<void>>();
  #count: { atMs: number; states: Promise<Map<string, ConsumerState>> } | undefined;

  constructor(options: ShardLanesOptions) {
    this.#options = options;
  }

  /** Whether this node has heard of the lane. */
  has(lane: string): boolean {
    return this.#known.has(lane);
  }

  /** Once for each node and lane. */
  make(lane: string, filter: string): Promise<void> | void {
    if (this.#known.has(lane)) return;
    let making = this.#making.get(lane);
    if (!making) this.#making.set(lane, (making = this.#make(lane, filter).finally(() => this.#making.delete(lane))));
    return making;
  }

  /** All lanes as they are now. */
  counts(): Promise<Map<string, ConsumerState>> {
    const nowMs = performance.now();
    if (!this.#count || nowMs - this.#count.atMs > FRESH_MS) {
      const states = this.#read();
      this.#count = { atMs: nowMs, states };
      states.catch(() => {
        this.#count = undefined;
      });
    }
    return this.#count.states;
  }

  /** A lane whose consumer was deleted from outside is made again: its tickets would wait for ever. */
  async #read(): Promise<Map<string, ConsumerState>> {
    const { jetstream, stream } = this.#options;
    const states = new Map((await jetstream.consumers(stream)).map((each) => [each.name, each]));
    for (const { filter, name } of states.values()) this.#known.set(name, filter);
    for (const [lane, filter] of this.#known) if (!states.has(lane)) await this.#make(lane, filter);
    return states;
  }

  async #make(lane: string, filter: string): Promise<void> {
    const { jetstream, leaseMs, stream } = this.#options;
    await jetstream.makeConsumer(stream, {
      durable_name: lane,
      filter_subject: filter,
      ack_policy: "explicit",
      deliver_policy: "all",
      replay_policy: "instant",
      // Nanoseconds.
      ack_wait: leaseMs * 1e6,
      max_deliver: -1,
      // As many tasks may be held at once as there are agents.
      max_ack_pending: -1,
    });
    this.#known.set(lane, filter);
  }
}
