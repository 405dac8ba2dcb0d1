/** What the nodes share beside tasks, in the hub's Redis: tokens, endpoints, messages. */
import type {
  Backplane,
  BackplaneDescription,
  BusEvent,
  EndpointStore,
  MessageStore,
  StoreObserver,
  TokenStore,
} from "@hubscale/hub-runtime";
import { LIMITS, type LlmEndpoint, type MessageFrame } from "@hubscale/protocol";
import type { EventBus } from "../event-bus.ts";
import { runScript } from "./queue-scripts.ts";
import { allReplies } from "./redis-errors.ts";
import type { RedisLink } from "./redis-link.ts";

export interface RedisBackplaneOptions {
  link: RedisLink;
  namespace: string;
  bus: EventBus;
  observeStore(heard: StoreObserver): void;
  describe(): Promise<BackplaneDescription>;
}

/** Messages that wait for an agent that is offline; the oldest go first. */
const MAILBOX_ENTRIES_MAX = 1_000;

export class RedisBackplane implements Backplane {
  readonly tokens: TokenStore;
  readonly endpoints: EndpointStore;
  readonly messages: MessageStore;
  /** Redis itself takes 512 MB; hubs are to be interchangeable. */
  readonly documentBytes = LIMITS.documentBytes;
  readonly #options: RedisBackplaneOptions;

  constructor(options: RedisBackplaneOptions) {
    this.#options = options;
    const { link, namespace } = options;
    this.tokens = new RedisTokens(link, namespace);
    this.endpoints = new RedisEndpoints(link, namespace);
    this.messages = new RedisMessages(link, namespace);
  }

  publish(event: BusEvent): void {
    this.#options.bus.publish(event);
  }

  subscribe(listener: (event: BusEvent) => void): Promise<void> {
    return this.#options.bus.subscribe(listener);
  }

  observeStore(heard: StoreObserver): void {
    this.#options.observeStore(heard);
  }

  describe(): Promise<BackplaneDescription> {
    return this.#options.describe();
  }

  /** The link is closed by whoever opened it, since the tasks use it too. */
  close(): Promise<void> {
    return this.#options.bus.close();
  }
}

class RedisTokens implements TokenStore {
  readonly #link: RedisLink;
  readonly #agents: string;
  readonly #tokens: string;
  /** Tokens are never withdrawn, so what was once read stays true. */
  readonly #known = new Map<string, string>();

  constructor(link: RedisLink, namespace: string) {
    this.#link = link;
    this.#agents = `${namespace}:agents`;
    this.#tokens = `${namespace}:tokens`;
  }

  async register(agentId: string, tokenHash: string): Promise<boolean> {
    const args = [this.#agents, this.#tokens, agentId, tokenHash];
    return (await this.#link.run(() => runScript(this.#link.commands, "hubscaleRegister", args))) === 1;
  }

  async agentOf(tokenHash: string): Promise<string | undefined> {
    const known = this.#known.get(tokenHash);
    if (known !== undefined) return known;
    const agentId = await this.#link.run(() => this.#link.commands.hget(this.#tokens, tokenHash));
    if (agentId === null) return undefined;
    if (this.#known.size >= KNOWN_TOKENS_MAX) this.#known.clear();
    this.#known.set(tokenHash, agentId);
    return agentId;
  }
}

/** About 20 MB; past it a node reads tokens again. */
const KNOWN_TOKENS_MAX = 100_000;

class RedisEndpoints implements EndpointStore {
  readonly #link: RedisLink;
  readonly #key: string;

  constructor(link: RedisLink, namespace: string) {
    this.#link = link;
    this.#key = `${namespace}:endpoints`;
  }

  async save(endpoint: LlmEndpoint): Promise<void> {
    await this.#link.run(() => this.#link.commands.hset(this.#key, endpoint.id, JSON.stringify(endpoint)));
  }

  async remove(id: string): Promise<boolean> {
    return (await this.#link.run(() => this.#link.commands.hdel(this.#key, id))) === 1;
  }

  async list(): Promise<LlmEndpoint[]> {
    const rows = await this.#link.run(() => this.#link.commands.hvals(this.#key));
    return rows.map((row) => JSON.parse(row) as LlmEndpoint);
  }
}

class RedisMessages implements MessageStore {
  readonly #link: RedisLink;
  readonly #namespace: string;

  constructor(link: RedisLink, namespace: string) {
    this.#link = link;
    this.#namespace = namespace;
  }

  async append(message: MessageFrame & { to: string | null }, offline: readonly string[]): Promise<void> {
    const history = `${this.#namespace}:messages`;
    const pipeline = this.#link.commands.pipeline();
    const row = JSON.stringify(message);
    this.#link.mustTake(row);
    pipeline.rpush(history, row);
    pipeline.ltrim(history, -LIMITS.messageHistoryEntries, -1);
    const { to: _, ...frame } = message;
    for (const agentId of offline) {
      pipeline.rpush(this.#mailbox(agentId), JSON.stringify(frame));
      pipeline.ltrim(this.#mailbox(agentId), -MAILBOX_ENTRIES_MAX, -1);
    }
    await this.#link.run(() => allReplies(pipeline));
  }

  async takeMailbox(agentId: string): Promise<MessageFrame[]> {
    const mailbox = this.#mailbox(agentId);
    const taking = this.#link.commands.multi().lrange(mailbox, 0, -1).del(mailbox);
    const [rows] = await this.#link.run(() => allReplies(taking));
    return (rows as string[]).map((row) => JSON.parse(row) as MessageFrame);
  }

  async registeredAgents(): Promise<string[]> {
    return this.#link.run(() => this.#link.commands.hkeys(`${this.#namespace}:agents`));
  }

  #mailbox(agentId: string): string {
    return `${this.#namespace}:mailbox:${agentId}`;
  }
}
