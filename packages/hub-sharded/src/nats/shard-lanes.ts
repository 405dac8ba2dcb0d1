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
  /** As the last `mend` found them: the lanes by name, and the last ticket that there was before. */
  #looked: { lanes: Map<string, ConsumerState>; lastSeq: number } | undefined;
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

  /**
   * Makes lanes anew whose consumers have lost sight of a ticket: servers are known to pass one over now and then (nats-server issues 4736,
   * 6932, 7680), and nobody would ever be handed it. Such a ticket was there at the last look, when its consumer had nothing to deliver and
   * nothing unacknowledged, or believed that it was acknowledged; and it still is. Who holds tasks of the lane keeps them, by their records.
   * To be called every half a minute or so: the server removes what is acknowledged a moment later. The lanes that were made anew.
   */
  async mend(): Promise<string[]> {
    const { jetstream, stream } = this.#options;
    const { lastSeq, messages } = await jetstream.extent(stream);
    const lanes = await this.counts();
    const looked = this.#looked;
    this.#looked = { lanes, lastSeq };
    const counted = [...lanes.values()].reduce((sum, { pending, unacknowledged }) => sum + pending + unacknowledged, 0);
    if (!looked || messages <= counted) return [];
    const anew: string[] = [];
    for (const name of lanes.keys()) {
      const then = looked.lanes.get(name);
      const filter = this.#known.get(name) as string;
      const first = then && (await jetstream.next(stream, filter, 1));
      if (!first || first.seq > looked.lastSeq) continue;
      if (then.pending + then.unacknowledged > 0 && first.seq > then.ackFloor) continue;
      await jetstream.removeConsumer(stream, name);
      await this.#make(name, filter);
      anew.push(name);
    }
    return anew;
  }

  /** A lane whose consumer was deleted from outside is made again: its tickets would wait for ever. */
  async #read(): Promise<Map<string, ConsumerState>> {
    const { jetstream, stream } = this.#options;
    const states = new Map((await jetstream.consumers(stream)).map((each) => [each.name, each]));
    for (const { filter, name } of states.values()) if (!this.#known.has(name)) this.#known.set(name, filter);
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
