/** Submissions by the hash of their key: a string each, which Redis forgets by itself. */
import { TIMERS } from "@hubscale/protocol";
import type { Submission, Submissions } from "../backbone.ts";
import type { RedisLink } from "./redis-link.ts";

export class RedisSubmissions implements Submissions {
  readonly #link: RedisLink;
  readonly #namespace: string;

  constructor(link: RedisLink, namespace: string) {
    this.#link = link;
    this.#namespace = namespace;
  }

  async claim(hash: string, offered: Submission): Promise<Submission> {
    const { commands } = this.#link;
    const key = this.#keyOf(hash);
    for (;;) {
      const text = JSON.stringify(offered);
      const entered = await this.#link.run(() => commands.set(key, text, "PX", TIMERS.submissionKeyKeptMs, "NX"));
      if (entered === "OK") return offered;
      const earlier = await this.#link.run(() => commands.get(key));
      // Otherwise its day ended between the two.
      if (earlier !== null) return JSON.parse(earlier) as Submission;
    }
  }

  async confirm(hash: string, submission: Submission): Promise<void> {
    const { commands } = this.#link;
    const text = JSON.stringify(submission);
    await this.#link.run(() => commands.set(this.#keyOf(hash), text, "PX", TIMERS.submissionKeyKeptMs));
  }

  #keyOf(hash: string): string {
    return `${this.#namespace}:submission:${hash}`;
  }
}
