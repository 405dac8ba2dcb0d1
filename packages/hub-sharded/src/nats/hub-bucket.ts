/** The hub's key-value bucket for everything small: routing classes, tokens, endpoints, parked tasks, duties. */
import { type HubStreams, textOf, tokenOf } from "./hub-streams.ts";
import type { JetStream } from "./jetstream.ts";
import { scanStream } from "./stream-scan.ts";

export class HubBucket {
  readonly #jetstream: JetStream;
  readonly #streams: HubStreams;

  constructor(jetstream: JetStream, streams: HubStreams) {
    this.#jetstream = jetstream;
    this.#streams = streams;
  }

  async get(kind: string, key: string): Promise<string | undefined> {
    return (await this.read(kind, key)).text;
  }

  /** `revision` 0: there never was one. A removed entry has a revision and no text. */
  async read(kind: string, key: string): Promise<{ text: string | undefined; revision: number }> {
    const message = await this.#jetstream.last(this.#streams.hub, this.#subjectOf(kind, key));
    return { text: message?.text || undefined, revision: message?.seq ?? 0 };
  }

  /** False: somebody has written since that revision. An empty text removes. */
  async update(text: string, revision: number, kind: string, key: string): Promise<boolean> {
    const given = { state: "", expected: revision };
    return (await this.#jetstream.put(this.#streams.hub, this.#subjectOf(kind, key), text, given)) !== undefined;
  }

  /** False: there is one. */
  create(text: string, kind: string, key: string): Promise<boolean> {
    return this.update(text, 0, kind, key);
  }

  async set(text: string, kind: string, key: string): Promise<void> {
    await this.#jetstream.append(this.#streams.hub, this.#subjectOf(kind, key), text);
  }

  /** False: there was none. */
  async remove(kind: string, key: string): Promise<boolean> {
    const { revision, text } = await this.read(kind, key);
    if (revision > 0) await this.#jetstream.removeMessage(this.#streams.hub, revision);
    return text !== undefined;
  }

  async keys(kind: string): Promise<string[]> {
    const subjects = await this.#jetstream.subjects(this.#streams.hub, this.#streams.hubKey(kind, "*"));
    return subjects.map((subject) => textOf(subject.slice(subject.lastIndexOf(".") + 1)));
  }

  async entries(kind: string): Promise<{ key: string; text: string; revision: number }[]> {
    const entries: { key: string; text: string; revision: number }[] = [];
    const scan = { stream: this.#streams.hub, filter: this.#streams.hubKey(kind, "*"), headersOnly: false };
    await scanStream(this.#jetstream, scan, ({ seq, subject, text }) => {
      if (text !== "") entries.push({ key: textOf(subject.slice(subject.lastIndexOf(".") + 1)), text, revision: seq });
    });
    return entries;
  }

  #subjectOf(kind: string, key: string): string {
    return this.#streams.hubKey(kind, tokenOf(key));
  }
}
