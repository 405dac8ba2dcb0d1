/** Submissions by the hash of their key: the last message of a subject each, in a stream that forgets by itself. */
import type { Submission, Submissions } from "../backbone.ts";
import type { HubStreams } from "./hub-streams.ts";
import type { JetStream } from "./jetstream.ts";

export class NatsSubmissions implements Submissions {
  readonly #jetstream: JetStream;
  readonly #streams: HubStreams;

  constructor(jetstream: JetStream, streams: HubStreams) {
    this.#jetstream = jetstream;
    this.#streams = streams;
  }

  async claim(hash: string, offered: Submission): Promise<Submission> {
    const subject = this.#streams.submission(hash);
    for (;;) {
      const entered = await this.#jetstream.put(this.#streams.submissions, subject, JSON.stringify(offered), {
        state: "",
        expected: 0,
      });
      if (entered !== undefined) return offered;
      const earlier = await this.#jetstream.last(this.#streams.submissions, subject);
      // Otherwise its day ended between the two.
      if (earlier) return JSON.parse(earlier.text) as Submission;
    }
  }

  async confirm(hash: string, submission: Submission): Promise<void> {
    await this.#jetstream.append(this.#streams.submissions, this.#streams.submission(hash), JSON.stringify(submission));
  }
}
