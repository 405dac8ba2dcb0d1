/** Messages between the nodes over Redis pub/sub, on the connection that only listens. */
import type { Broadcast, BroadcastTopic } from "../backbone.ts";
import type { RedisLink } from "./redis-link.ts";

export class RedisBroadcast implements Broadcast {
  readonly #link: RedisLink;
  readonly #namespace: string;

  constructor(link: RedisLink, namespace: string) {
    this.#link = link;
    this.#namespace = namespace;
  }

  send(topic: BroadcastTopic, message: string): void {
    // At most once by contract; the link logs why the connection failed.
    this.#link.commands.publish(this.#channelOf(topic), message).catch(() => undefined);
  }

  async listen(topic: BroadcastTopic, hear: (message: string) => void): Promise<void> {
    const { subscriber } = this.#link;
    const mine = this.#channelOf(topic);
    subscriber.on("message", (channel: string, message: string) => {
      if (channel === mine) hear(message);
    });
    await subscriber.subscribe(mine);
  }

  async close(topic: BroadcastTopic): Promise<void> {
    const { subscriber } = this.#link;
    if (subscriber.status === "ready") await subscriber.unsubscribe(this.#channelOf(topic));
  }

  #channelOf(topic: BroadcastTopic): string {
    return `${this.#namespace}:${topic}`;
  }
}
