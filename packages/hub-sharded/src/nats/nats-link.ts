/**
 * A node's one connection to NATS. Requests share one inbox and one timer: a hub makes five for each task, and the client's own
 * `request` makes a timer and an iterator for each. When NATS is slow or gone, requests fail within a bounded time and nothing
 * piles up; the connection comes back by itself. Nothing here throws: what the client or the server refuses is the request's answer.
 */
import { type StoreObserver, Unavailable } from "@hubscale/hub-runtime";
import {
  connect,
  createInbox,
  errors,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type Status,
  type Subscription,
} from "@nats-io/transport-node";
import { EngineErrors, RETRY_AFTER_MS } from "./engine-errors.ts";
import { type PendingRequest, PendingRequests } from "./pending-requests.ts";

export interface NatsLinkOptions {
  /** `nats://[user:password@]host:port`, of one server or of all of a cluster. */
  servers: readonly string[];
  node: string;
  log(line: string): void;
}

export interface RequestOptions {
  headers?: MsgHdrs;
  /** The stream in which the request stores a message: while one waits for long, the stream takes in no new work. */
  stores?: string;
  withinMs?: number;
}

/** `end`: the status that ended it; undefined where it was full, or nobody answered any more. */
export interface Pulled {
  messages: Msg[];
  end: Msg | undefined;
}

/** Requests that may wait for an answer at once. Past it NATS is not keeping up, and a refusal is better than a queue. */
const IN_FLIGHT_MAX = 20_000;
/** While a message waits for so long to be stored, its stream takes no new work. Far above an fsync, short for somebody who waits. */
const BEHIND_AFTER_MS = 1_000;
/** A server that says nothing for this long while asked counts as gone. Far above an fsync, far below a task's lease. */
export const REPLY_WITHIN_MS = 5_000;
const LOOK_FOR_LATE_EVERY_MS = 250;
const CONNECT_WITHIN_MS = 5_000;
/** Two of these without an answer, and the connection is made anew. */
const PING_EVERY_MS = 2_000;
const RECONNECT_EVERY_MS = 200;
/** A subscription that was refused for want of a permission is tried again. */
const SUBSCRIBE_AGAIN_MS = 2_000;
/** The server's default, until it has told its own. */
const MAX_PAYLOAD_BYTES = 1_048_576;

export class NatsLink {
  readonly connection: NatsConnection;
  readonly errors: EngineErrors;
  readonly #log: (line: string) => void;
  readonly #inbox = createInbox();
  readonly #reads = new PendingRequests();
  readonly #stores = new PendingRequests();
  /** Inboxes for stored messages, which arrive under the subjects under which they are stored; each for one pull at a time. */
  readonly #idleInboxes: Subscription[] = [];
  readonly #timer: NodeJS.Timeout;
  /** Hears how long the server took to store each message. */
  observe: StoreObserver = () => undefined;
  #requests = 0;
  /** Of the last round trip of a ping, and when the one that is on its way was sent. */
  #roundTripMs = 0;
  #pingedAtMs: number | undefined;
  #isConnected = true;
  #maxPayloadBytes = MAX_PAYLOAD_BYTES;

  private constructor(connection: NatsConnection, log: (line: string) => void) {
    this.connection = connection;
    this.errors = new EngineErrors(log);
    this.#log = log;
    this.subscribe(`${this.#inbox}.*`, (message) => this.#answer(message.subject.slice(this.#inbox.length + 1), message));
    this.#timer = setInterval(() => {
      this.#expireLate();
      this.#ping();
    }, LOOK_FOR_LATE_EVERY_MS);
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
      // Otherwise the client gives up for good at the second refusal of the password.
      ignoreAuthErrorAbort: true,
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

  /**
   * False: a new message would only queue up behind what the stream has not stored yet, or on a connection that is behind. Other streams
   * may be led by another server, and what is read says nothing about what can be stored.
   */
  isKeepingUp(stream: string): boolean {
    if (!this.#isConnected) return false;
    const nowMs = performance.now();
    const oldestMs = Math.min(this.#stores.oldestStoreMs(stream) ?? nowMs, this.#pingedAtMs ?? nowMs);
    return nowMs - oldestMs < BEHIND_AFTER_MS && this.#roundTripMs < BEHIND_AFTER_MS;
  }

  /**
   * One answer. Rejects with `Refused` what the server does not take, and with `Unavailable` when no answer came; whether the server acted
   * is then not known.
   */
  request(subject: string, payload: string, options: RequestOptions = {}): Promise<Msg> {
    return new Promise((resolve, reject) => {
      const request = {
        answer: (message: Msg) => {
          resolve(message);
          return false;
        },
        expire: () => reject(this.errors.noAnswer(subject)),
        fail: reject,
      };
      this.#ask(subject, payload, request, options);
    });
  }

  /**
   * Up to `count` stored messages; fewer when a status comes, or nothing more within the time. A server may leave a pull without an answer
   * and serve it with the next message that is stored: one that comes after the time is given back at once.
   */
  pull(subject: string, payload: string, { count, withinMs }: { count: number; withinMs: number }): Promise<Pulled> {
    return new Promise((resolve, reject) => {
      const messages: Msg[] = [];
      const request = {
        answer: (message: Msg) => {
          const end = isStatus(message) ? message : undefined;
          if (!end && messages.push(message) < count) return true;
          resolve({ messages, end });
          return false;
        },
        expire: () => resolve({ messages, end: undefined }),
        fail: reject,
      };
      this.#ask(subject, payload, request, { withinMs }, () => this.#idleInboxes.pop() ?? this.#newInbox());
    });
  }

  /** At most once, without an answer; dropped when the connection is away, or the server would not take it. */
  publish(subject: string, payload: string): void {
    if (!this.#isConnected) return;
    const refusal = this.errors.ofSize(subject, "", payload, { headers: undefined, maxPayloadBytes: this.#maxPayload() });
    if (refusal) return;
    try {
      this.connection.publish(subject, payload);
    } catch (error) {
      this.errors.ofConnection(error as Error);
    }
  }

  /** Until it is called. A refused subscription is tried again, so that a permission given later needs no restart. */
  subscribe(subject: string, hear: (message: Msg) => void): () => void {
    let subscription: Subscription | undefined;
    let again: NodeJS.Timeout | undefined;
    const open = () => {
      if (this.connection.isClosed()) return;
      subscription = this.connection.subscribe(subject, {
        callback: (error, message) => {
          if (error) again = setTimeout(open, SUBSCRIBE_AGAIN_MS).unref();
          else this.#hear(hear, message);
        },
      });
    };
    open();
    return () => {
      clearTimeout(again);
      subscription?.unsubscribe();
    };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#isConnected = false;
    void this.connection.close();
  }

  #ask(
    subject: string,
    payload: string,
    by: Pick<PendingRequest, "answer" | "expire" | "fail">,
    { headers, stores, withinMs = REPLY_WITHIN_MS }: RequestOptions,
    inboxOf?: () => Subscription,
  ): void {
    const pending = stores === undefined ? this.#reads : this.#stores;
    // Logged when the connection was lost.
    if (!this.#isConnected) return by.fail(new Unavailable("nats is away", RETRY_AFTER_MS));
    if (pending.size >= IN_FLIGHT_MAX) return by.fail(this.errors.unavailable("behind", "nats is not keeping up"));
    try {
      const inbox = inboxOf?.();
      const token = inbox?.getSubject() ?? (this.#requests++).toString(36);
      const reply = inbox ? token : `${this.#inbox}.${token}`;
      const refusal = this.errors.ofSize(subject, reply, payload, { headers, maxPayloadBytes: this.#maxPayload() });
      if (refusal) {
        if (inbox) this.#idleInboxes.push(inbox);
        return by.fail(refusal);
      }
      this.connection.publish(subject, payload, headers ? { reply, headers } : { reply });
      // After it was sent, and before any answer can be read: nothing is left behind by a client that throws.
      const atMs = performance.now();
      pending.add(token, { ...by, subject, atMs, untilMs: atMs + withinMs, stores, inbox });
    } catch (error) {
      by.fail(this.errors.ofConnection(error as Error));
    }
  }

  /** A server of a cluster may take less than another. */
  #maxPayload(): number {
    return (this.#maxPayloadBytes = this.connection.info?.max_payload ?? this.#maxPayloadBytes);
  }

  #newInbox(): Subscription {
    const subject = createInbox();
    return this.connection.subscribe(subject, {
      callback: (error, message) => {
        if (!error) this.#answer(subject, message);
      },
    });
  }

  #answer(token: string, message: Msg): void {
    const pending = this.#reads.get(token) ? this.#reads : this.#stores;
    const request = pending.get(token);
    if (!request) return this.#giveBack(message);
    if (request.answer(message)) return;
    pending.remove(token);
    if (pending === this.#stores) this.observe(performance.now() - request.atMs);
    if (request.inbox) this.#idleInboxes.push(request.inbox);
  }

  /** Nobody waits for the delivery any more: without this it would be nobody's until its lease has run out. */
  #giveBack({ reply }: Msg): void {
    if (reply?.startsWith("$JS.ACK.")) this.publish(reply, "-NAK");
  }

  #hear(hear: (message: Msg) => void, message: Msg): void {
    try {
      hear(message);
    } catch (error) {
      // Thrown on, it would end the client's reading of the connection. Messages on the bus may be lost.
      this.errors.dropped(
        `message ${message.subject}`,
        `a message on ${message.subject} was dropped: ${(error as Error).message}`,
      );
    }
  }

  #expireLate(): void {
    const nowMs = performance.now();
    const late = ({ untilMs }: PendingRequest) => untilMs <= nowMs;
    for (const request of [...this.#reads.take(late), ...this.#stores.take(late)]) {
      this.#leave(request.inbox);
      request.expire();
    }
  }

  /** A server that is silent or far away is behind with all; the client's own pings are too few to tell. */
  #ping(): void {
    const isWorthwhile = this.#reads.size + this.#stores.size > 0 || this.#roundTripMs >= BEHIND_AFTER_MS;
    if (!isWorthwhile || !this.#isConnected || this.#pingedAtMs !== undefined) return;
    const sentAtMs = (this.#pingedAtMs = performance.now());
    const ended = (roundTripMs: number) => {
      this.#roundTripMs = roundTripMs;
      this.#pingedAtMs = undefined;
    };
    this.connection.flush().then(
      () => ended(performance.now() - sentAtMs),
      () => ended(0),
    );
  }

  /** An answer that comes later must not be taken for that to another pull. What is under way still arrives, and is given back. */
  #leave(inbox: Subscription | undefined): void {
    inbox?.drain().catch(() => undefined);
  }

  #fail(fits: (request: PendingRequest) => boolean, error: Error): void {
    for (const request of [...this.#reads.take(fits), ...this.#stores.take(fits)]) {
      this.#leave(request.inbox);
      request.fail(error);
    }
  }

  /** One line when the connection is lost, one when it is back. What was asked of the lost one gets no answer any more. */
  async #watch(): Promise<void> {
    for await (const status of this.connection.status()) this.#noteStatus(status);
  }

  #noteStatus(status: Status): void {
    if (status.type === "disconnect" && this.#isConnected) {
      this.#isConnected = false;
      this.#log(`nats: lost the connection to ${status.server}`);
      this.#fail(() => true, new Unavailable("nats went away", RETRY_AFTER_MS));
    } else if (status.type === "reconnect") {
      this.#isConnected = true;
      this.#log(`nats: connected again, to ${status.server}`);
    } else if (status.type === "error") {
      const unavailable = this.errors.ofConnection(status.error);
      const { error } = status;
      // The server answers no request that it forbids, it only says so beside them.
      if (error instanceof errors.PermissionViolationError && error.operation === "publish") {
        this.#fail(({ subject }) => subject === error.subject, unavailable);
      }
    }
  }
}

/** No message: nothing waits, or (without a responder) there is no such consumer. */
function isStatus({ headers }: Msg): boolean {
  return (headers?.code ?? 0) >= 300;
}

/** The client reads none out of a URL. All servers of a cluster take the same. */
function credentialsIn(url: string | undefined): { user?: string; pass?: string } {
  const { username, password } = new URL(url ?? "nats://127.0.0.1");
  return username === "" ? {} : { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
}
