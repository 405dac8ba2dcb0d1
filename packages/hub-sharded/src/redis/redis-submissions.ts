/**
 * Submissions by the hash of their key: a string each, which Redis forgets by itself. Spread over the servers, so that the loss of one
 * stops no more than its part of them.
 */
import { TIMERS } from "@hubscale/protocol";
import type { Submission, Submissions } from "../backbone.ts";
import type { RedisLink } from "./redis-link.ts";
import { homeOf, type RedisServers } from "./redis-servers.ts";

export class RedisSubmissions implements Submissions {
  readonly #servers: RedisServers;
  readonly #namespace: string;

  constructor(servers: RedisServers, namespace: string) {
    this.#servers = servers;
    this.#namespace = namespace;
  }

  async claim(hash: string, offered: Submission): Promise<Submission> {
    const link = this.#linkOf(hash);
    const { commands } = link;
    const key = this.#keyOf(hash);
    for (;;) {
      const text = JSON.stringify(offered);
      const entered = await link.run(() => commands.set(key, text, "PX", TIMERS.submissionKeyKeptMs, "NX"));
      if (entered === "OK") return offered;
      const earlier = await link.run(() => commands.get(key));
      // Otherwise its day ended between the two.
      if (earlier !== null) return JSON.parse(earlier) as Submission;
    }
  }

  async confirm(hash: string, submission: Submission): Promise<void> {
    const link = this.#linkOf(hash);
    const text = JSON.stringify(submission);
    await link.run(() => link.commands.set(this.#keyOf(hash), text, "PX", TIMERS.submissionKeyKeptMs));
  }

  #linkOf(hash: string): RedisLink {
    return this.#servers.ofShard(Number.parseInt(hash.slice(0, 8), 16));
  }

  /** A slot of its own in a cluster. */
  #keyOf(hash: string): string {
    return `${homeOf(`${this.#namespace}:${hash}`)}:submission`;
  }
}
