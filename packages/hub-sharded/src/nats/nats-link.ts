/**
 * A node's one connection to NATS. Requests share one inbox and one timer: a hub makes five for each task, and the client's own
 * `request` makes a timer and an iterator for each. When NATS is slow or gone, requests fail within a bounded time and nothing
 * piles up; the connection comes back by itself.
 */
import { Unavailable } from "@hubscale/hub-runtime";
import { connect, createInbox, type Msg, type MsgHdrs, type NatsConnection, type Subscription } from "@nats-io/transport-node";

export interface NatsLinkOptions {
  /** `nats://[user:password@]host:port`, of one server or of all of a cluster. */
  servers: readonly string[];
  node: string;
  log(line: string): void;
}

/** Requests that may wait for an answer at once. Past it NATS is not keeping up, and a refusal is better than a queue. */
const IN_FLIGHT_MAX = 20_000;
/** While a request has waited for so long, no new work is taken in. Far above an fsync, short for somebody who waits. */
const BEHIND_AFTER_MS = 1_000;
/** A server that says nothing for this long while asked counts as gone. Far above an fsync, far below a task's lease. */
const REPLY_WITHIN_MS = 5_000;
const LOOK_FOR_LATE_EVERY_MS = 250;
const CONNECT_WITHIN_MS = 5_000;
/** Two of these without an answer, and the connection is made anew. */
const PING_EVERY_MS = 2_000;
const RECONNECT_EVERY_MS = 200;
/** What a refused caller should wait: about one reconnect. */
export const RETRY_AFTER_MS = 1_000;

interface Pending {
  atMs: number;
  /** True: more messages are to come. */
  answer(message: Msg): boolean;
  fail(error: Unavailable): void;
  /** Of its own, where the answers do not tell by their subject to what. */
  subscription: Subscription | undefined;
}

type Asker = Pick<Pending, "answer" | "fail">;

export class NatsLink {
  readonly connection: NatsConnection;
  readonly #log: (line: string) => void;
  readonly #inbox = createInbox();
  readonly #pending = new Map<string, Pending>();
  /** Inboxes for stored messages, which arrive under the subjects under which they are stored; each for one pull at a time. */
  readonly #idleInboxes: Subscription[] = [];
  readonly #timer: NodeJS.Timeout;
  #requests = 0;
  #isConnected = true;

  private constructor(connection: NatsConnection, log: (line: string) => void) {
    this.connection = connection;
    this.#log = log;
    connection.subscribe(`${this.#inbox}.*`, {
      callback: (_, message) => this.#answer(message.subject.slice(this.#inbox.length + 1), message),
    });
    this.#timer = setInterval(() => this.#failLate(), LOOK_FOR_LATE_EVERY_MS);
    this.#timer.unref();
  }

  /** Rejects when no server can be reached now. */
  static async open({ servers, node, log }: NatsLinkOptions): Promise<NatsLink> {
    const connection = await connect({
      servers: servers.map((url) => url.replace(/\/\/[^/@]*@/, "//")),
      ...credentialsIn(servers[0]),
      name: `hubscale ${node}`,
      timeout: CONNECT_WITHIN_MS,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RECONNECT_EVERY_MS,
      pingInterval: PING_EVERY_MS,
      maxPingOut: 2,
    });
    const link = new NatsLink(connection, log);
    void link.#watch();
    return link;
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** False: new work would only queue up behind what NATS has not answered yet. */
  get isKeepingUp(): boolean {
    if (!this.#isConnected) return false;
    // They stand in the order in which they were asked.
    for (const { atMs } of this.#pending.values()) return performance.now() - atMs < BEHIND_AFTER_MS;
    return true;
  }

  /** One answer. Rejects with `Unavailable` when none came; whether the server acted is then not known. */
  request(subject: string, payload: string, headers?: MsgHdrs): Promise<Msg> {
    return new Promise((resolve, reject) => {
      const answer = (message: Msg) => {
        resolve(message);
        return false;
      };
      this.#ask(subject, payload, { answer, fail: reject }, headers);
    });
  }

  /** Up to `count` stored messages; fewer when one comes that `isLast` says is none but the end. */
  pull(subject: string, payload: string, count: number, isLast: (message: Msg) => boolean): Promise<Msg[]> {
    return new Promise((resolve, reject) => {
      const messages: Msg[] = [];
      const answer = (message: Msg) => {
        const isOver = isLast(message) || messages.push(message) === count;
        if (isOver) resolve(messages);
        return !isOver;
      };
      this.#ask(subject, payload, { answer, fail: reject }, undefined, this.#idleInboxes.pop() ?? this.#newInbox());
    });
  }

  /** At most once, without an answer; dropped when the connection is away. */
  publish(subject: string, payload: string): void {
    if (this.#isConnected) this.connection.publish(subject, payload);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#isConnected = false;
    void this.connection.close();
  }

  #ask(subject: string, payload: string, by: Asker, headers?: MsgHdrs, subscription?: Subscription): void {
    const refusal = this.#refusal();
    if (refusal) {
      if (subscription) this.#idleInboxes.push(subscription);
      return by.fail(refusal);
    }
    const token = subscription?.getSubject() ?? (this.#requests++).toString(36);
    this.#pending.set(token, { ...by, atMs: performance.now(), subscription });
    const reply = subscription ? token : `${this.#inbox}.${token}`;
    this.connection.publish(subject, payload, headers ? { reply, headers } : { reply });
  }

  #refusal(): Unavailable | undefined {
    if (!this.#isConnected) return new Unavailable("nats is away", RETRY_AFTER_MS);
    if (this.#pending.size >= IN_FLIGHT_MAX) return new Unavailable("nats is not keeping up", RETRY_AFTER_MS);
    return undefined;
  }

  #newInbox(): Subscription {
    const subject = createInbox();
    return this.connection.subscribe(subject, { callback: (_, message) => this.#answer(subject, message) });
  }

  #answer(token: string, message: Msg): void {
    const pending = this.#pending.get(token);
    if (!pending || pending.answer(message)) return;
    this.#pending.delete(token);
    if (pending.subscription) this.#idleInboxes.push(pending.subscription);
  }

  /** They stand in the order in which they were asked. */
  #failLate(): void {
    const beforeMs = performance.now() - REPLY_WITHIN_MS;
    for (const [token, pending] of this.#pending) {
      if (pending.atMs > beforeMs) return;
      this.#pending.delete(token);
      this.#fail(pending, "nats does not answer");
    }
  }

  /** An answer that comes later must not be taken for that to another pull. */
  #fail(pending: Pending, message: string): void {
    pending.subscription?.unsubscribe();
    pending.fail(new Unavailable(message, RETRY_AFTER_MS));
  }

  /** One line when the connection is lost, one when it is back. What was asked of the lost one gets no answer any more. */
  async #watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === "disconnect" && this.#isConnected) {
        this.#isConnected = false;
        this.#log(`nats: lost the connection to ${status.server}`);
        const lost = [...this.#pending.values()];
        this.#pending.clear();
        for (const pending of lost) this.#fail(pending, "nats went away");
      } else if (status.type === "reconnect") {
        this.#isConnected = true;
        this.#log(`nats: connected again, to ${status.server}`);
      }
    }
  }
}

/** The client reads none out of a URL. All servers of a cluster take the same. */
function credentialsIn(url: string | undefined): { user?: string; pass?: string } {
  const { username, password } = new URL(url ?? "nats://127.0.0.1");
  return username === "" ? {} : { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
}
