/**
 * Which tasks this node holds, for the others to ask. A ticket is delivered again when its lease has run out, which an outage of NATS
 * does to all of them at once: whoever gets it asks the node that held the task, and leaves it alone if that one still renews it.
 * A node that is dead, cut off or asleep does not answer.
 */
import type { Clock } from "@hubscale/hub-runtime";
import type { Msg } from "@nats-io/transport-node";
import type { HubStreams } from "./hub-streams.ts";
import type { NatsLink } from "./nats-link.ts";
import type { RecordedHold } from "./task-records.ts";

export interface HoldersOptions {
  link: NatsLink;
  streams: HubStreams;
  node: string;
  clock: Clock;
  leaseMs: number;
}

/** Longer than a pause of a node's event loop, shorter than anybody would wait for a task. */
const ANSWER_WITHIN_MS = 300;

export class Holders {
  readonly #options: HoldersOptions;
  /** By token: when it was last renewed. What the desk no longer renews, it no longer holds. */
  readonly #renewedAtMs = new Map<string, number>();
  readonly #cancel: () => void;

  constructor(options: HoldersOptions) {
    this.#options = options;
    const { clock, leaseMs, link, node, streams } = options;
    link.subscribe(streams.holder(node), (message) => this.#reply(message));
    this.#cancel = clock.every(leaseMs, () => this.#forgetOld());
  }

  note(token: string): void {
    this.#renewedAtMs.set(token, this.#options.clock.monotonicMs());
  }

  forget(token: string): void {
    this.#renewedAtMs.delete(token);
  }

  /** Whether the node that is recorded as the holder says that it is. */
  async isAlive({ node, token }: RecordedHold): Promise<boolean> {
    if (node === this.#options.node) return this.#has(token);
    const { clock, leaseMs, link, streams } = this.#options;
    return new Promise((resolve) => {
      const cancel = clock.after(Math.min(ANSWER_WITHIN_MS, leaseMs / 4), () => resolve(false));
      const answered = (isAlive: boolean) => {
        cancel();
        resolve(isAlive);
      };
      link.request(streams.holder(node), token).then(
        (message) => answered(message.string() === HELD),
        () => answered(false),
      );
    });
  }

  close(): void {
    this.#cancel();
  }

  #has(token: string): boolean {
    const atMs = this.#renewedAtMs.get(token);
    return atMs !== undefined && this.#options.clock.monotonicMs() - atMs < this.#options.leaseMs;
  }

  #reply(message: Msg): void {
    if (message.reply) this.#options.link.publish(message.reply, this.#has(message.string()) ? HELD : "");
  }

  #forgetOld(): void {
    for (const token of this.#renewedAtMs.keys()) if (!this.#has(token)) this.#renewedAtMs.delete(token);
  }
}

const HELD = "held";
