/** What the nodes share beside tasks, in JetStream: tokens, endpoints, messages. */
import type {
  Backplane,
  BackplaneDescription,
  BusEvent,
  EndpointStore,
  MessageStore,
  StoreObserver,
  TokenStore,
} from "@hubscale/hub-runtime";
import type { LlmEndpoint, MessageFrame } from "@hubscale/protocol";
import type { EventBus } from "../event-bus.ts";
import type { HubBucket } from "./hub-bucket.ts";
import type { HubStreams } from "./hub-streams.ts";
import type { JetStream } from "./jetstream.ts";
import { scanStream } from "./stream-scan.ts";

export interface NatsBackplaneOptions {
  jetstream: JetStream;
  streams: HubStreams;
  bucket: HubBucket;
  bus: EventBus;
  documentBytes: number;
  describe(): Promise<BackplaneDescription>;
}

export class NatsBackplane implements Backplane {
  readonly tokens: TokenStore;
  readonly endpoints: EndpointStore;
  readonly messages: MessageStore;
  readonly documentBytes: number;
  readonly #options: NatsBackplaneOptions;

  constructor(options: NatsBackplaneOptions) {
    this.#options = options;
    this.documentBytes = options.documentBytes;
    this.tokens = new NatsTokens(options.bucket);
    this.endpoints = new NatsEndpoints(options.bucket);
    this.messages = new NatsMessages(options);
  }

  publish(event: BusEvent): void {
    this.#options.bus.publish(event);
  }

  subscribe(listener: (event: BusEvent) => void): Promise<void> {
    return this.#options.bus.subscribe(listener);
  }

  observeStore(heard: StoreObserver): void {
    this.#options.jetstream.link.observe = heard;
  }

  describe(): Promise<BackplaneDescription> {
    return this.#options.describe();
  }

  /** The link is closed by whoever opened it, since the tasks use it too. */
  close(): Promise<void> {
    return this.#options.bus.close();
  }
}

/** About 20 MB; past it a node reads tokens again. */
const KNOWN_TOKENS_MAX = 100_000;

/** A token counts once the agent's entry names it: that is written last and decides whose the id is. */
class NatsTokens implements TokenStore {
  readonly #bucket: HubBucket;
  /** Tokens are never withdrawn, so what was once read stays true. */
  readonly #known = new Map<string, string>();

  constructor(bucket: HubBucket) {
    this.#bucket = bucket;
  }

  async register(agentId: string, tokenHash: string): Promise<boolean> {
    if ((await this.#bucket.get("agent", agentId)) !== undefined) return false;
    await this.#bucket.set(agentId, "token", tokenHash);
    return this.#bucket.create(tokenHash, "agent", agentId);
  }

  async agentOf(tokenHash: string): Promise<string | undefined> {
    const known = this.#known.get(tokenHash);
    if (known !== undefined) return known;
    const agentId = await this.#bucket.get("token", tokenHash);
    if (agentId === undefined || (await this.#bucket.get("agent", agentId)) !== tokenHash) return undefined;
    if (this.#known.size >= KNOWN_TOKENS_MAX) this.#known.clear();
    this.#known.set(tokenHash, agentId);
    return agentId;
  }
}

class NatsEndpoints implements EndpointStore {
  readonly #bucket: HubBucket;

  constructor(bucket: HubBucket) {
    this.#bucket = bucket;
  }

  async save(endpoint: LlmEndpoint): Promise<void> {
    await this.#bucket.set(JSON.stringify(endpoint), "endpoint", endpoint.id);
  }

  remove(id: string): Promise<boolean> {
    return this.#bucket.remove("endpoint", id);
  }

  async list(): Promise<LlmEndpoint[]> {
    return (await this.#bucket.entries("endpoint")).map(({ text }) => JSON.parse(text) as LlmEndpoint);
  }
}

/** Both kinds of log drop their oldest by themselves. */
class NatsMessages implements MessageStore {
  readonly #options: NatsBackplaneOptions;

  constructor(options: NatsBackplaneOptions) {
    this.#options = options;
  }

  async append(message: MessageFrame & { to: string | null }, offline: readonly string[]): Promise<void> {
    const { jetstream, streams } = this.#options;
    const { to: _, ...frame } = message;
    const text = JSON.stringify(frame);
    await Promise.all([
      jetstream.append(streams.history, streams.historySubject, JSON.stringify(message)),
      ...offline.map((agentId) => jetstream.append(streams.mailboxes, streams.mailbox(agentId), text)),
    ]);
  }

  async takeMailbox(agentId: string): Promise<MessageFrame[]> {
    const { jetstream, streams } = this.#options;
    const mailbox = streams.mailbox(agentId);
    // Agents come and go all day, and mostly nothing waits for them.
    if (!(await jetstream.last(streams.mailboxes, mailbox))) return [];
    const frames: MessageFrame[] = [];
    let lastSeq = 0;
    const scan = { stream: streams.mailboxes, filter: mailbox, headersOnly: false };
    await scanStream(jetstream, scan, ({ seq, text }) => {
      frames.push(JSON.parse(text) as MessageFrame);
      lastSeq = seq;
    });
    if (frames.length > 0) await jetstream.purge(streams.mailboxes, mailbox, lastSeq);
    return frames;
  }

  registeredAgents(): Promise<string[]> {
    return this.#options.bucket.keys("agent");
  }
}
