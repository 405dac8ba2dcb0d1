/** Messages between the nodes over core NATS. */
import type { Broadcast, BroadcastTopic } from "../backbone.ts";
import type { NatsLink } from "./nats-link.ts";

export class NatsBroadcast implements Broadcast {
  readonly #link: NatsLink;
  readonly #namespace: string;
  readonly #subscriptions = new Map<BroadcastTopic, () => void>();

  constructor(link: NatsLink, namespace: string) {
    this.#link = link;
    this.#namespace = namespace;
  }

  send(topic: BroadcastTopic, message: string): void {
    this.#link.publish(this.#subjectOf(topic), message);
  }

  /** Resolves when the server knows of it. */
  async listen(topic: BroadcastTopic, hear: (message: string) => void): Promise<void> {
    this.#subscriptions.set(
      topic,
      this.#link.subscribe(this.#subjectOf(topic), (message) => hear(message.string())),
    );
    await this.#link.connection.flush();
  }

  async close(topic: BroadcastTopic): Promise<void> {
    this.#subscriptions.get(topic)?.();
  }

  #subjectOf(topic: BroadcastTopic): string {
    return `${this.#namespace}.${topic}`;
  }
}
