/**
 * What the desks of the nodes say to each other: where tasks wait, and for which others. All of it may be
 * lost without harm: the probe finds what waits, a slow sweep what may go on.
 */
import type { Clock } from "@hubscale/hub-runtime";
import { LIMITS } from "@hubscale/protocol";
import type { Broadcast } from "./backbone.ts";
import { arraysWithin } from "./message-parts.ts";

export type NodeSignal =
  /** Tasks of these ranks wait that the sender has no agent for. */
  | { type: "waiting"; classNumber: number; shard: number; ranks: readonly number[] }
  /** The task `by` waits for this one to complete. */
  | { type: "awaited"; taskId: string; by: string };

/** Signals are held back this long after the last batch, so that a burst is one message and a lone task loses nothing. */
const BATCH_MS = 2;

export interface NodeChannelOptions {
  broadcast: Broadcast;
  node: string;
  clock: Clock;
}

export class NodeChannel {
  readonly #options: NodeChannelOptions;
  #batch = new Map<string, NodeSignal>();
  #isHolding = false;

  constructor(options: NodeChannelOptions) {
    this.#options = options;
  }

  /** Hears the signals of the other nodes. */
  listen(hear: (signal: NodeSignal) => void): Promise<void> {
    return this.#options.broadcast.listen("nodes", (text) => {
      const [from, ...signals] = JSON.parse(text) as Message;
      if (from !== this.#options.node) for (const signal of signals) hear(signal);
    });
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
    const signals = [...this.#batch.values()].flatMap(withFewRanks);
    this.#batch = new Map();
    const from = JSON.stringify(this.#options.node);
    // A lost signal is made good by the probe of each node.
    for (const array of arraysWithin(LIMITS.documentBytesMin, signals)) {
      this.#options.broadcast.send("nodes", `[${from},${array.slice(1)}`);
    }
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

/** First the node that sends them. */
type Message = [from: string, ...signals: NodeSignal[]];

/** A signal for each thousand ranks, some 20 KB: that many tasks come back at once when a node is lost. */
function withFewRanks(signal: NodeSignal): NodeSignal[] {
  if (signal.type !== "waiting" || signal.ranks.length <= RANKS_TOLD) return [signal];
  const { ranks } = signal;
  const parts = Math.ceil(ranks.length / RANKS_TOLD);
  return Array.from({ length: parts }, (_, part) => ({
    ...signal,
    ranks: ranks.slice(part * RANKS_TOLD, (part + 1) * RANKS_TOLD),
  }));
}

const RANKS_TOLD = 1_000;
