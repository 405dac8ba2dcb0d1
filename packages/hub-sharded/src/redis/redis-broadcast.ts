/** Messages between the nodes over Redis pub/sub, on the connection that only listens. */
import type { Cancel, Clock } from "@hubscale/hub-runtime";
import { type Broadcast, type BroadcastTopic, CannotStart } from "../backbone.ts";
import { reasonInWords } from "./redis-diagnosis.ts";
import { replyCodeOf } from "./redis-errors.ts";
import { hostsOf, type RedisClient, type RedisLink } from "./redis-link.ts";
import { type RedisServers, within } from "./redis-servers.ts";

/** A refused subscription is tried again after this long: permissions are given back by people. */
const SUBSCRIBE_AGAIN_MS = 1_000;
/** Nothing heard for so long although messages went out, this node's own among them: the listener is connected to nothing. */
const DEAF_AFTER_MS = 5_000;

export class RedisBroadcast implements Broadcast {
  readonly #link: RedisLink;
  readonly #listener: RedisClient;
  readonly #namespace: string;
  readonly #host: string;
  readonly #clock: Clock;
  readonly #hearing = new Map<string, (message: string) => void>();
  #lastHeardMs = Number.NEGATIVE_INFINITY;
  /** Since when messages have gone out and none was heard. */
  #deafSinceMs: number | undefined;
  #cancelRetry: Cancel = () => undefined;

  constructor(servers: Pick<RedisServers, "home" | "listener" | "urls">, namespace: string, clock: Clock) {
    this.#link = servers.home;
    this.#listener = servers.listener;
    this.#host = hostsOf(servers.urls.slice(0, 1));
    this.#namespace = namespace;
    this.#clock = clock;
    this.#listener.on("message", (channel: string, message: string) => {
      this.#lastHeardMs = clock.monotonicMs();
      this.#deafSinceMs = undefined;
      this.#hearing.get(channel)?.(message);
    });
    this.#listener.on("ready", () => void this.#subscribeAgain());
  }

  send(topic: BroadcastTopic, message: string): void {
    const sentMs = this.#clock.monotonicMs();
    const sent = this.#link.run(() => this.#link.commands.publish(this.#channelOf(topic), message));
    // At most once by contract; the link logs why it failed.
    sent.then(
      () => this.#checkHearing(sentMs),
      () => undefined,
    );
  }

  /** Throws `CannotStart`. */
  async listen(topic: BroadcastTopic, hear: (message: string) => void): Promise<void> {
    const channel = this.#channelOf(topic);
    try {
      await within(this.#clock, this.#listener.subscribe(channel));
    } catch (cause) {
      const grant = `ACL SETUSER <user> +subscribe &${this.#namespace}:*`;
      const remedy = replyCodeOf(cause) === "NOPERM" ? `. Remedy: ${grant}` : "";
      throw new CannotStart(`nodes cannot hear each other: ${reasonInWords(this.#host, cause)}${remedy}`, { cause });
    }
    this.#hearing.set(channel, hear);
  }

  /** Not said to Redis: the connection ends soon, and it may not answer. */
  close(topic: BroadcastTopic): Promise<void> {
    this.#hearing.delete(this.#channelOf(topic));
    return Promise.resolve();
  }

  /** A message that was sent then has been published: the listener should have heard it, or soon will. */
  #checkHearing(sentMs: number): void {
    if (this.#hearing.size === 0 || this.#lastHeardMs >= sentMs) return;
    const nowMs = this.#clock.monotonicMs();
    this.#deafSinceMs ??= nowMs;
    if (nowMs - this.#deafSinceMs < DEAF_AFTER_MS) return;
    this.#deafSinceMs = undefined;
    this.#link.logCause("deaf", "published messages do not come back, the listener connects again");
    this.#listener.disconnect(true);
  }

  /** On a new connection, until it is allowed. What is missed meanwhile is lost, as when a node is cut off. */
  async #subscribeAgain(): Promise<void> {
    this.#cancelRetry();
    if (this.#hearing.size === 0) return;
    try {
      await this.#listener.subscribe(...this.#hearing.keys());
    } catch (error) {
      // A lost connection is followed by another, and this again.
      if (replyCodeOf(error) === undefined) return;
      this.#link.logCause("subscribe", `nodes cannot hear each other: ${(error as Error).message}`);
      this.#cancelRetry();
      this.#cancelRetry = this.#clock.after(SUBSCRIBE_AGAIN_MS, () => void this.#subscribeAgain());
    }
  }

  #channelOf(topic: BroadcastTopic): string {
    return `${this.#namespace}:${topic}`;
  }
}
