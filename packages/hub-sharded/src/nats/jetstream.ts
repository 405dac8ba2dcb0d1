/**
 * The dozen requests of JetStream's API that the hub makes, as the protocol has them (docs.nats.io, JetStream wire API). Over the
 * link, so that all have the same limits and the same end when the server is away.
 */
import { setTimeout } from "node:timers/promises";
import { Unavailable } from "@hubscale/hub-runtime";
import { headers, type Msg } from "@nats-io/transport-node";
import type { NatsLink } from "./nats-link.ts";

/** A message as it is stored. */
export interface StoredMessage {
  subject: string;
  seq: number;
  /** Unix milliseconds at which the server stored it. */
  atMs: number;
  text: string;
  /** The header `Hubscale-State`, empty without one. */
  state: string;
}

export interface ConsumerState {
  name: string;
  /** Messages that were never delivered. */
  pending: number;
  /** Delivered and not acknowledged. */
  unacknowledged: number;
}

interface StreamState {
  subjects?: Record<string, number>;
}

interface ApiAnswer {
  error?: { code: number; err_code?: number; description: string };
}

/** JetStream's own codes, stable over its versions. */
const WRONG_LAST_SEQUENCE = 10_071;
const NO_MESSAGE = 10_037;
const SUBJECTS_PAGE = 100_000;
const STATE_HEADER = "Hubscale-State";
const RETRY_AFTER_MS = 1_000;

/** A running JetStream that says no to what should be possible. */
export class JetStreamError extends Error {
  readonly code: number;
  constructor(subject: string, { code, err_code, description }: NonNullable<ApiAnswer["error"]>) {
    super(`${subject}: ${description} (${err_code ?? code})`);
    this.name = "JetStreamError";
    this.code = err_code ?? code;
  }
}

export class JetStream {
  readonly link: NatsLink;
  readonly #isDirect: boolean;

  /** `direct`: one replica, whose reads need no leader. A follower could answer with what was true a moment ago. */
  constructor(link: NatsLink, { direct }: { direct: boolean }) {
    this.link = link;
    this.#isDirect = direct;
  }

  /**
   * Stores a message if the last one of its subject has this sequence (0: there is none); the new sequence, or undefined. Durable
   * when it resolves.
   */
  async put(
    subject: string,
    text: string,
    { state, expected }: { state: string; expected: number },
  ): Promise<number | undefined> {
    const given = headers();
    given.set("Nats-Expected-Last-Subject-Sequence", String(expected));
    if (state !== "") given.set(STATE_HEADER, state);
    const answer = await this.#json<{ seq: number } & ApiAnswer>(subject, await this.link.request(subject, text, given));
    if (answer.error?.err_code === WRONG_LAST_SEQUENCE) return undefined;
    if (answer.error) throw refusalOf(subject, answer.error);
    return answer.seq;
  }

  /** As `put`, whatever is there. */
  async append(subject: string, text: string): Promise<number> {
    return (await this.#ask<{ seq: number }>(subject, text)).seq;
  }

  /** The last message of a subject. */
  last(stream: string, subject: string): Promise<StoredMessage | undefined> {
    return this.#get(stream, subject, { last_by_subj: subject });
  }

  /** The first message from this sequence on whose subject fits the filter. */
  next(stream: string, filter: string, fromSeq: number): Promise<StoredMessage | undefined> {
    return this.#get(stream, "", { seq: fromSeq, next_by_subj: filter });
  }

  async removeMessage(stream: string, seq: number): Promise<void> {
    const subject = `$JS.API.STREAM.MSG.DELETE.${stream}`;
    const answer = await this.#json<ApiAnswer>(
      subject,
      await this.link.request(subject, JSON.stringify({ seq, no_erase: true })),
    );
    // It is gone already.
    if (answer.error && answer.error.code !== 404 && answer.error.code !== 400) throw refusalOf(subject, answer.error);
  }

  /** Removes all messages that fit, up to this sequence. */
  async purge(stream: string, filter: string, throughSeq: number): Promise<void> {
    await this.#ask(`$JS.API.STREAM.PURGE.${stream}`, JSON.stringify({ filter, seq: throughSeq + 1 }));
  }

  /** The subjects that fit, of the messages that are there now. */
  async subjects(stream: string, filter: string): Promise<string[]> {
    const subjects: string[] = [];
    for (;;) {
      const query = JSON.stringify({ subjects_filter: filter, offset: subjects.length });
      const { state, total } = await this.#ask<{ state: StreamState; total?: number }>(`$JS.API.STREAM.INFO.${stream}`, query);
      const page = Object.keys(state.subjects ?? {});
      subjects.push(...page);
      if (page.length < SUBJECTS_PAGE || subjects.length >= (total ?? 0)) return subjects;
    }
  }

  /** Makes a stream, or finds it as it is wanted. Throws `JetStreamError`. */
  async makeStream(config: { name: string } & Record<string, unknown>): Promise<void> {
    await this.#ask(`$JS.API.STREAM.CREATE.${config.name}`, JSON.stringify(config));
  }

  async streamNames(): Promise<string[]> {
    const names: string[] = [];
    for (;;) {
      const query = JSON.stringify({ offset: names.length });
      const page = await this.#ask<{ total: number; streams: string[] | null }>("$JS.API.STREAM.NAMES", query);
      names.push(...(page.streams ?? []));
      if (!page.streams?.length || names.length >= page.total) return names;
    }
  }

  async removeStream(name: string): Promise<void> {
    await this.#ask(`$JS.API.STREAM.DELETE.${name}`, "");
  }

  /** Makes a durable consumer, or brings it to this configuration. */
  async makeConsumer(stream: string, config: { durable_name: string } & Record<string, unknown>): Promise<void> {
    const subject = `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.${config.durable_name}`;
    await this.#ask(subject, JSON.stringify({ stream_name: stream, config }));
  }

  async consumers(stream: string): Promise<ConsumerState[]> {
    const states: ConsumerState[] = [];
    for (;;) {
      const query = JSON.stringify({ offset: states.length });
      const page = await this.#ask<{ total: number; consumers: ConsumerInfo[] | null }>(
        `$JS.API.CONSUMER.LIST.${stream}`,
        query,
      );
      for (const each of page.consumers ?? []) {
        states.push({ name: each.name, pending: each.num_pending, unacknowledged: each.num_ack_pending });
      }
      if (!page.consumers?.length || states.length >= page.total) return states;
    }
  }

  /** The next message for a consumer, if one waits. */
  async pull(stream: string, consumer: string): Promise<Msg | undefined> {
    const [message] = await this.link.pull(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, PULL_ONE, 1, isStatus);
    return message;
  }

  /**
   * Hands all messages that fit and were there when it was called to `visit`, oldest first, without their text if `headersOnly`.
   * Rejects with `Unavailable` rather than leave some out.
   */
  async scan(
    stream: string,
    filter: string,
    options: { headersOnly: boolean },
    visit: (message: StoredMessage) => void,
  ): Promise<void> {
    let throughSeq = await this.#lastSeq(stream, filter);
    if (throughSeq === 0) return;
    const config = {
      filter_subject: filter,
      deliver_policy: "all",
      ack_policy: "none",
      replay_policy: "instant",
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: 10_000_000_000,
      headers_only: options.headersOnly,
    };
    const create = `$JS.API.CONSUMER.CREATE.${stream}`;
    const { name } = await this.#ask<ConsumerInfo>(create, JSON.stringify({ stream_name: stream, config }));
    const next = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`;
    let seenSeq = 0;
    let emptyPulls = 0;
    while (seenSeq < throughSeq) {
      const messages = await this.link.pull(next, PULL_CHUNK, SCAN_CHUNK, isStatus);
      for (const message of messages.map(deliveredMessage)) {
        seenSeq = message.seq;
        visit(message);
      }
      emptyPulls = messages.length > 0 ? 0 : emptyPulls + 1;
      if (emptyPulls === 0) continue;
      // In a cluster the server that was asked may not have heard of the consumer, and the replica that serves the consumer may be
      // behind. Or what was last has been removed.
      throughSeq = Math.min(throughSeq, await this.#lastSeq(stream, filter));
      if (emptyPulls > EMPTY_PULLS_MAX) throw new Unavailable(`${stream} cannot be read to its end`, RETRY_AFTER_MS);
      await setTimeout(emptyPulls * EMPTY_PULL_MS);
    }
    this.link.publish(`$JS.API.CONSUMER.DELETE.${stream}.${name}`, "");
  }

  /** Of the messages that fit, 0 when there is none. A follower may not have the last ones yet, so the leader is asked. */
  async #lastSeq(stream: string, filter: string): Promise<number> {
    return (await this.#getFromLeader(stream, { last_by_subj: filter }))?.seq ?? 0;
  }

  async #get(stream: string, subject: string, query: Record<string, unknown>): Promise<StoredMessage | undefined> {
    if (!this.#isDirect) return this.#getFromLeader(stream, query);
    const [address, payload] = subject === "" ? [stream, JSON.stringify(query)] : [`${stream}.${subject}`, ""];
    const message = await this.link.request(`$JS.API.DIRECT.GET.${address}`, payload);
    const code = message.headers?.code ?? 0;
    if (code === 404) return undefined;
    if (code >= 300) throw new Unavailable(`no direct read of ${stream}: ${code}`, RETRY_AFTER_MS);
    return {
      subject: message.headers?.get("Nats-Subject") ?? "",
      seq: Number(message.headers?.get("Nats-Sequence")),
      atMs: Date.parse(message.headers?.get("Nats-Time-Stamp") ?? ""),
      text: message.string(),
      state: message.headers?.get(STATE_HEADER) ?? "",
    };
  }

  async #getFromLeader(stream: string, query: Record<string, unknown>): Promise<StoredMessage | undefined> {
    const subject = `$JS.API.STREAM.MSG.GET.${stream}`;
    const answer = await this.#json<{ message?: LeaderMessage } & ApiAnswer>(
      subject,
      await this.link.request(subject, JSON.stringify(query)),
    );
    if (answer.error?.err_code === NO_MESSAGE) return undefined;
    if (answer.error) throw refusalOf(subject, answer.error);
    const { data = "", hdrs = "", seq, subject: ofMessage, time } = answer.message as LeaderMessage;
    const state = new RegExp(`^${STATE_HEADER}: ?(\\S+)`, "m").exec(Buffer.from(hdrs, "base64").toString("utf8"))?.[1] ?? "";
    return { subject: ofMessage, seq, atMs: Date.parse(time), text: Buffer.from(data, "base64").toString("utf8"), state };
  }

  async #ask<T>(subject: string, payload: string): Promise<T> {
    const answer = await this.#json<T & ApiAnswer>(subject, await this.link.request(subject, payload));
    if (answer.error) throw refusalOf(subject, answer.error);
    return answer;
  }

  /** A cluster without a leader has nobody who answers; that passes. */
  #json<T>(subject: string, message: Msg): T {
    if (message.headers && message.headers.code >= 300) throw new Unavailable(`nobody answers ${subject}`, RETRY_AFTER_MS);
    return message.json<T>();
  }
}

/** No message: nothing waits, or (without a responder) there is no such consumer yet. */
const isStatus = (message: Msg) => (message.headers?.code ?? 0) >= 300;
const PULL_ONE = '{"batch":1,"no_wait":true}';
const SCAN_CHUNK = 500;
const PULL_CHUNK = JSON.stringify({ batch: SCAN_CHUNK, no_wait: true });
/** A route takes milliseconds to spread an interest, a follower tens of them to write; 5 s in all, as for any other answer. */
const EMPTY_PULLS_MAX = 43;
const EMPTY_PULL_MS = 5;

interface ConsumerInfo {
  name: string;
  num_pending: number;
  num_ack_pending: number;
}

interface LeaderMessage {
  subject: string;
  seq: number;
  time: string;
  data?: string;
  hdrs?: string;
}

/** Of a server that cannot act now (503, or no space, which is for the operator to mend) the caller may ask again. */
function refusalOf(subject: string, error: NonNullable<ApiAnswer["error"]>): Error {
  if (error.code === 503) return new Unavailable(`${subject}: ${error.description}`, RETRY_AFTER_MS);
  return new JetStreamError(subject, error);
}

/** What the subject to which a delivery is acknowledged says: `$JS.ACK.<stream>.<consumer>.<deliveries>.<seq>.<dseq>.<ns>.<pending>`. */
export function deliveryOf(ack: string): { deliveries: number; seq: number; atMs: number } {
  // Servers may put a domain and an account before the stream, and a token behind the last: read from `$JS.ACK` on.
  const tokens = ack.split(".");
  const at = tokens.length >= 11 ? 6 : 4;
  return {
    deliveries: Number(tokens[at]),
    seq: Number(tokens[at + 1]),
    atMs: Number(tokens[at + 3]) / 1e6,
  };
}

function deliveredMessage(message: Msg): StoredMessage {
  const { atMs, seq } = deliveryOf(message.reply ?? "");
  return { subject: message.subject, seq, atMs, text: message.string(), state: message.headers?.get(STATE_HEADER) ?? "" };
}
