/** Messages between the nodes over Redis pub/sub, on the connection that only listens. */
import type { Broadcast, BroadcastTopic } from "../backbone.ts";
import type { RedisClient, RedisLink } from "./redis-link.ts";
import type { RedisServers } from "./redis-servers.ts";

export class RedisBroadcast implements Broadcast {
  readonly #link: RedisLink;
  readonly #listener: RedisClient;
  readonly #namespace: string;

  constructor({ home, listener }: Pick<RedisServers, "home" | "listener">, namespace: string) {
    this.#link = home;
    this.#listener = listener;
    this.#namespace = namespace;
  }

  send(topic: BroadcastTopic, message: string): void {
    // At most once by contract; the link logs why the connection failed.
    this.#link.commands.publish(this.#channelOf(topic), message).catch(() => undefined);
  }

  async listen(topic: BroadcastTopic, hear: (message: string) => void): Promise<void> {
    const mine = this.#channelOf(topic);
    this.#listener.on("message", (channel: string, message: string) => {
      if (channel === mine) hear(message);
    });
    await this.#listener.subscribe(mine);
  }

  async close(topic: BroadcastTopic): Promise<void> {
    if (this.#listener.status === "ready") await this.#listener.unsubscribe(this.#channelOf(topic));
  }

  #channelOf(topic: BroadcastTopic): string {
    return `${this.#namespace}:${topic}`;
  }
}
