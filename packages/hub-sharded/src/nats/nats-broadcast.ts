/** Messages between the nodes over core NATS. */
import type { Subscription } from "@nats-io/transport-node";
import type { Broadcast, BroadcastTopic } from "../backbone.ts";
import type { NatsLink } from "./nats-link.ts";

export class NatsBroadcast implements Broadcast {
  readonly #link: NatsLink;
  readonly #namespace: string;
  readonly #subscriptions = new Map<BroadcastTopic, Subscription>();

  constructor(link: NatsLink, namespace: string) {
    this.#link = link;
    this.#namespace = namespace;
  }

  send(topic: BroadcastTopic, message: string): void {
    this.#link.publish(this.#subjectOf(topic), message);
  }

  /** Resolves when the server knows of it. */
  async listen(topic: BroadcastTopic, hear: (message: string) => void): Promise<void> {
    const { connection } = this.#link;
    const callback = (_: Error | null, message: { string(): string }) => hear(message.string());
    this.#subscriptions.set(topic, connection.subscribe(this.#subjectOf(topic), { callback }));
    await connection.flush();
  }

  async close(topic: BroadcastTopic): Promise<void> {
    this.#subscriptions.get(topic)?.unsubscribe();
  }

  #subjectOf(topic: BroadcastTopic): string {
    return `${this.#namespace}.${topic}`;
  }
}
