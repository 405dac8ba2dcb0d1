/**
 * What the desks of the nodes say to each other, over Redis pub/sub: where tasks wait, and for which others. All of it may be
 * lost without harm: the probe finds what waits, a slow sweep what may go on.
 */
import type { Clock } from "@hubscale/hub-runtime";
import type { RedisLink } from "./redis-link.ts";

export type NodeSignal =
  /** Tasks of these ranks wait that the sender has no agent for. */
  | { type: "waiting"; classNumber: number; shard: number; ranks: readonly number[] }
  /** The task `by` waits for this one to complete. */
  | { type: "awaited"; taskId: string; by: string };

/** Signals are held back this long after the last batch, so that a burst is one message and a lone task loses nothing. */
const BATCH_MS = 2;

export interface NodeChannelOptions {
  link: RedisLink;
  namespace: string;
  node: string;
  clock: Clock;
}

export class NodeChannel {
  readonly #options: NodeChannelOptions;
  readonly #channel: string;
  #batch = new Map<string, NodeSignal>();
  #isHolding = false;

  constructor(options: NodeChannelOptions) {
    this.#options = options;
    this.#channel = `${options.namespace}:nodes`;
  }

  /** Hears the signals of the other nodes. */
  async listen(hear: (signal: NodeSignal) => void): Promise<void> {
    const { subscriber } = this.#options.link;
    subscriber.on("message", (channel: string, message: string) => {
      if (channel !== this.#channel) return;
      const { from, signals } = JSON.parse(message) as Message;
      if (from !== this.#options.node) for (const signal of signals) hear(signal);
    });
    await subscriber.subscribe(this.#channel);
  }

  send(signal: NodeSignal): void {
    this.#merge(signal);
    if (this.#isHolding) return;
    this.#isHolding = true;
    this.#flush();
  }

  #flush(): void {
    if (this.#batch.size === 0) {
      this.#isHolding = false;
      return;
    }
    const message: Message = { from: this.#options.node, signals: [...this.#batch.values()] };
    this.#batch = new Map();
    // A lost signal is made good by the probe of each node; the link logs why the connection failed.
    this.#options.link.commands.publish(this.#channel, JSON.stringify(message)).catch(() => undefined);
    this.#options.clock.after(BATCH_MS, () => this.#flush());
  }

  /** Tasks of one queue add up. */
  #merge(signal: NodeSignal): void {
    if (signal.type === "awaited") {
      this.#batch.set(`${signal.taskId} ${signal.by}`, signal);
      return;
    }
    const key = `${signal.classNumber} ${signal.shard}`;
    const earlier = this.#batch.get(key);
    const ranks = earlier?.type === "waiting" ? [...earlier.ranks, ...signal.ranks] : signal.ranks;
    this.#batch.set(key, { ...signal, ranks });
  }
}

interface Message {
  from: string;
  signals: NodeSignal[];
}
