/**
 * The dozen requests of JetStream's API that the hub makes, as the protocol has them (docs.nats.io, JetStream wire API). Over the
 * link, so that all have the same limits and the same end when the server is away.
 */
import { headers, type Msg } from "@nats-io/transport-node";
import type { ApiError } from "./engine-errors.ts";
import type { NatsLink, RequestOptions } from "./nats-link.ts";

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
  filter: string;
  /** Messages that were never delivered. */
  pending: number;
  /** Delivered and not acknowledged. */
  unacknowledged: number;
  /** All messages of the consumer up to this sequence are acknowledged, as it believes. */
  ackFloor: number;
}

interface StreamState {
  messages: number;
  last_seq: number;
  subjects?: Record<string, number>;
}

interface ApiAnswer {
  error?: ApiError;
}

/** JetStream's own codes, stable over its versions. */
const WRONG_LAST_SEQUENCE = 10_071;
const NO_MESSAGE = 10_037;
const SUBJECTS_PAGE = 100_000;
const STATE_HEADER = "Hubscale-State";
/** The deletion of a message that is not there any more. */
const DELETION_FAILED = 10_057;
const SEQUENCE_NOT_FOUND = 10_043;
/** A pull is answered at once, save for one that the server forgets. */
const PULL_WITHIN_MS = 1_000;

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
  put(
    stream: string,
    subject: string,
    text: string,
    { state, expected }: { state: string; expected: number },
  ): Promise<number | undefined> {
    const given = headers();
    given.set("Nats-Expected-Last-Subject-Sequence", String(expected));
    if (state !== "") given.set(STATE_HEADER, state);
    return this.#store(subject, text, { stores: stream, headers: given });
  }

  /** As `put`, whatever is there. */
  async append(stream: string, subject: string, text: string): Promise<void> {
    await this.#store(subject, text, { stores: stream });
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
    if (answer.error && !isGone(answer.error)) throw this.link.errors.ofApi(subject, answer.error);
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

  /** How many messages there are, and the sequence of the last that ever was. */
  async extent(stream: string): Promise<{ messages: number; lastSeq: number }> {
    const { state } = await this.#ask<{ state: StreamState }>(`$JS.API.STREAM.INFO.${stream}`, "");
    return { messages: state.messages, lastSeq: state.last_seq };
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

  async removeConsumer(stream: string, name: string): Promise<void> {
    await this.#ask(`$JS.API.CONSUMER.DELETE.${stream}.${name}`, "");
  }

  async consumers(stream: string): Promise<ConsumerState[]> {
    const states: ConsumerState[] = [];
    for (;;) {
      const query = JSON.stringify({ offset: states.length });
      const page = await this.#ask<{ total: number; consumers: ConsumerInfo[] | null; missing?: string[] }>(
        `$JS.API.CONSUMER.LIST.${stream}`,
        query,
      );
      // A cluster leaves out those whose leader does not answer it: what they count is not nothing.
      if (page.missing?.length) throw this.link.errors.unavailable("consumers", `${stream}: not all consumers answer`);
      for (const { ack_floor, config, name, num_ack_pending: unacknowledged, num_pending: pending } of page.consumers ?? []) {
        states.push({ name, filter: config.filter_subject ?? "", pending, unacknowledged, ackFloor: ack_floor.stream_seq });
      }
      if (!page.consumers?.length || states.length >= page.total) return states;
    }
  }

  /** Makes a consumer that goes when nobody pulls from it for a while. */
  async makeScanConsumer(stream: string, name: string, config: Record<string, unknown>): Promise<void> {
    const whole = { ...config, name, ack_policy: "none", replay_policy: "instant", mem_storage: true, num_replicas: 1 };
    await this.#ask(`$JS.API.CONSUMER.CREATE.${stream}.${name}`, JSON.stringify({ stream_name: stream, config: whole }));
  }

  /** Nobody waits for it: a consumer that stays goes by itself. */
  removeScanConsumer(stream: string, name: string): void {
    this.link.publish(`$JS.API.CONSUMER.DELETE.${stream}.${name}`, "");
  }

  /** The next messages for a scan's consumer; waits for them a moment where a replica is behind. */
  async pullScan(stream: string, consumer: string, count: number): Promise<{ messages: StoredMessage[]; isAnswered: boolean }> {
    const payload = JSON.stringify({ batch: count, no_wait: true, expires: SCAN_PULL_EXPIRES_MS * 1e6 });
    const limits = { count, withinMs: SCAN_PULL_WITHIN_MS };
    const { end, messages } = await this.link.pull(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, payload, limits);
    return { messages: messages.map(deliveredMessage), isAnswered: end !== undefined || messages.length === count };
  }

  /**
   * The next message for a consumer, if one waits. Without `expires`, since with it an empty lane is
   * answered only then; the server forgets the rare pull whose message another one got first, and the link bounds that (decision 0081).
   */
  async pull(stream: string, consumer: string): Promise<Msg | undefined> {
    const limits = { count: 1, withinMs: PULL_WITHIN_MS };
    const { messages } = await this.link.pull(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, PULL_ONE, limits);
    return messages[0];
  }

  /** Of the messages that fit, 0 when there is none. A follower may not have the last ones yet, so the leader is asked. */
  async lastSeq(stream: string, filter: string): Promise<number> {
    return (await this.#getFromLeader(stream, { last_by_subj: filter }))?.seq ?? 0;
  }

  async #get(stream: string, subject: string, query: Record<string, unknown>): Promise<StoredMessage | undefined> {
    if (!this.#isDirect) return this.#getFromLeader(stream, query);
    const [address, payload] = subject === "" ? [stream, JSON.stringify(query)] : [`${stream}.${subject}`, ""];
    const message = await this.link.request(`$JS.API.DIRECT.GET.${address}`, payload);
    const code = message.headers?.code ?? 0;
    if (code === 404) return undefined;
    if (code >= 300) throw this.link.errors.unavailable(`read ${code}`, `no direct read of ${stream}: ${code}`);
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
    if (answer.error) throw this.link.errors.ofApi(subject, answer.error);
    const { data = "", hdrs = "", seq, subject: ofMessage, time } = answer.message as LeaderMessage;
    const state = new RegExp(`^${STATE_HEADER}: ?(\\S+)`, "m").exec(Buffer.from(hdrs, "base64").toString("utf8"))?.[1] ?? "";
    return { subject: ofMessage, seq, atMs: Date.parse(time), text: Buffer.from(data, "base64").toString("utf8"), state };
  }

  /** The sequence; undefined: another one was expected. */
  async #store(subject: string, text: string, options: RequestOptions): Promise<number | undefined> {
    const message = await this.link.request(subject, text, options);
    const { error, seq, stream } = this.#json<{ seq: number; stream?: string } & ApiAnswer>(subject, message);
    if (!error) return seq;
    if (error.err_code === WRONG_LAST_SEQUENCE) return undefined;
    throw this.link.errors.ofApi(
      subject,
      error,
      this.link.errors.isTooLarge(error) ? await this.#maxMsgBytes(stream) : undefined,
    );
  }

  /** What the stream takes at most, headers included; undefined: any size. */
  async #maxMsgBytes(stream: string | undefined): Promise<number | undefined> {
    if (stream === undefined) return undefined;
    const { config } = await this.#ask<{ config: { max_msg_size?: number } }>(`$JS.API.STREAM.INFO.${stream}`, "");
    return config.max_msg_size;
  }

  async #ask<T>(subject: string, payload: string): Promise<T> {
    const answer = this.#json<T & ApiAnswer>(subject, await this.link.request(subject, payload));
    if (answer.error) throw this.link.errors.ofApi(subject, answer.error);
    return answer;
  }

  /** A cluster without a leader has nobody who answers, and a stream that was deleted neither. */
  #json<T>(subject: string, message: Msg): T {
    const { errors } = this.link;
    const code = message.headers?.code ?? 0;
    if (code >= 300) throw errors.unavailable(`status ${code}`, `nobody answers ${subject}`);
    try {
      return message.json<T>();
    } catch (error) {
      throw errors.unavailable("answer", `the answer to ${subject} is none of JetStream's`, { cause: error });
    }
  }
}

const PULL_ONE = '{"batch":1,"no_wait":true}';
/** Far above the milliseconds by which a replica is behind. */
const SCAN_PULL_EXPIRES_MS = 500;
const SCAN_PULL_WITHIN_MS = 1_000;

interface ConsumerInfo {
  name: string;
  config: { filter_subject?: string };
  num_pending: number;
  num_ack_pending: number;
  ack_floor: { stream_seq: number };
}

/** Somebody else was quicker. */
function isGone({ description, err_code: code }: ApiError): boolean {
  return code === SEQUENCE_NOT_FOUND || code === NO_MESSAGE || (code === DELETION_FAILED && /not found/.test(description));
}

interface LeaderMessage {
  subject: string;
  seq: number;
  time: string;
  data?: string;
  hdrs?: string;
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
