import type { Socket } from "node:net";
import type { Task } from "@hubscale/protocol";
import { boundedHubRetryMs, plainId, retryAfterMs } from "@hubscale/sidecar-sim";
import { buildConnector, type Dispatcher, Pool } from "undici";

export interface SubmitterOptions {
  /** HTTP URLs of the hub's nodes; submissions go round them. */
  httpUrls: readonly string[];
  token: string;
  connectionsPerNode: number;
}

export type Submission =
  | { ok: true; taskId: string }
  /**
   * `answer`: an HTTP status other than 201; `retryAfterMs` when the hub said, at most HUB_RETRY_MS_MAX. `error`: no answer came, or
   * (`isProtocolFault`) a 201 that names no task; whether the hub has the task is not known.
   */
  | { ok: false; answer: number; retryAfterMs?: number }
  | { ok: false; error: string; isProtocolFault?: true };

/** `by`: the agent that has the task, or had it last. `unknown`: the hub did not say; `why`: what it did. */
export type LookUp =
  | { status: Task["status"]; by: string | null }
  | { status: "absent" | "token_refused" }
  | { status: "unknown"; why: string };

/** Submissions that get no answer within this are given up. Longer than any hub may take and still be called up. */
const ANSWER_WITHIN_MS = 30_000;
/** A look-up that takes longer counts as not answered. */
const LOOK_UP_WITHIN_MS = 5_000;
/** A task with its history and result is smaller in any hub; what has no end must not fill the memory. */
const MAX_ANSWER_BYTES = 16 * 2 ** 20;

/**
 * Submits tasks over kept-alive connections. Uses undici's `dispatch` with a handler of its own, which costs half of what
 * `request` does: no streams, no promises.
 */
export class Submitter {
  readonly #pools: Pool[];
  readonly #headers: Record<string, string>;
  readonly #sockets = new Set<Socket>();
  #closedBytesIn = 0;
  #closedBytesOut = 0;
  #next = 0;
  #inFlight = 0;

  constructor(options: SubmitterOptions) {
    const connector = buildConnector({ timeout: 10_000, keepAlive: true });
    const connect: buildConnector.connector = (target, callback) => {
      connector(target, (...result) => {
        if (result[1]) this.#watch(result[1]);
        callback(...result);
      });
    };
    this.#pools = options.httpUrls.map(
      (url) =>
        new Pool(url, {
          connections: options.connectionsPerNode,
          connect,
          headersTimeout: ANSWER_WITHIN_MS,
          bodyTimeout: ANSWER_WITHIN_MS,
          keepAliveTimeout: 60_000,
          maxResponseSize: MAX_ANSWER_BYTES,
        }),
    );
    this.#headers = { authorization: `Bearer ${options.token}`, "content-type": "application/json" };
  }

  /** Submissions sent or waiting for a connection, and not yet answered. */
  get inFlight(): number {
    return this.#inFlight;
  }

  bytes(): { in: number; out: number } {
    let bytesIn = this.#closedBytesIn;
    let bytesOut = this.#closedBytesOut;
    for (const socket of this.#sockets) {
      bytesIn += socket.bytesRead;
      bytesOut += socket.bytesWritten;
    }
    return { in: bytesIn, out: bytesOut };
  }

  /** `POST /api/tasks`, under an `Idempotency-Key` where one is given; `done` is called once, never within the call. */
  submit(body: string, done: (submission: Submission) => void, key?: string): void {
    const pool = this.#pools[this.#next++ % this.#pools.length] as Pool;
    this.#inFlight++;
    const handler = new SubmissionHandler((submission) => {
      this.#inFlight--;
      done(submission);
    });
    const headers = key === undefined ? this.#headers : { ...this.#headers, "idempotency-key": `"${key}"` };
    pool.dispatch({ method: "POST", path: "/api/tasks", headers, body }, handler);
  }

  /** What the hub says of a task, within 5 s. */
  async lookUp(taskId: string): Promise<LookUp> {
    const answer = await this.#ask(taskId);
    if ("why" in answer) return { status: "unknown", why: answer.why };
    const { status, text } = answer;
    if (status === 404) return { status: "absent" };
    if (status === 401 || status === 403) return { status: "token_refused" };
    return status === 200 ? taskIn(text, taskId) : { status: "unknown", why: `HTTP ${status}` };
  }

  /** What happened to the task, newest first, as the hub tells it; empty when it does not. */
  async eventsOf(taskId: string): Promise<string[]> {
    const answer = await this.#ask(taskId);
    const history = "text" in answer ? objectIn(answer.text)?.["history"] : undefined;
    return Array.isArray(history) ? history.map((entry: { event?: unknown } | null) => String(entry?.event)) : [];
  }

  async #ask(taskId: string): Promise<{ status: number; text: string } | { why: string }> {
    const pool = this.#pools[this.#next++ % this.#pools.length] as Pool;
    try {
      const { statusCode, body } = await pool.request({
        method: "GET",
        path: `/api/tasks/${taskId}`,
        headers: this.#headers,
        signal: AbortSignal.timeout(LOOK_UP_WITHIN_MS),
      });
      return { status: statusCode, text: await body.text() };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return { why: error.name === "TimeoutError" ? "no answer" : ((error as NodeJS.ErrnoException).code ?? error.name) };
    }
  }

  /** Waits for answers under way, then closes the connections. */
  async close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.close()));
  }

  #watch(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#closedBytesIn += socket.bytesRead;
      this.#closedBytesOut += socket.bytesWritten;
    });
  }
}

/** undici's handler for one submission. */
class SubmissionHandler implements Dispatcher.DispatchHandler {
  readonly #done: (submission: Submission) => void;
  #status = 0;
  #retryAfter: { retryAfterMs?: number } = {};
  #text = "";

  constructor(done: (submission: Submission) => void) {
    this.#done = done;
  }

  onRequestStart(): void {
    // Nothing to do; undici tells a handler of the current kind by this method.
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.#status = status;
    const retryMs = retryAfterMs(headers, Date.now());
    if (retryMs !== undefined) this.#retryAfter = { retryAfterMs: boundedHubRetryMs(retryMs) };
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#text += chunk.toString("latin1");
  }

  onResponseEnd(): void {
    if (this.#status !== 201) {
      this.#done({ ok: false, answer: this.#status, ...this.#retryAfter });
      return;
    }
    const answer = objectIn(this.#text);
    const taskId = answer?.["task_id"];
    if (typeof taskId === "string" && plainId(taskId)) this.#done({ ok: true, taskId });
    else {
      const error = answer ? "201 without a usable task_id" : "201 that is no JSON object";
      this.#done({ ok: false, error, isProtocolFault: true });
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#done({ ok: false, error: (error as NodeJS.ErrnoException).code ?? error.message });
  }
}

function taskIn(text: string, taskId: string): LookUp {
  const { id = taskId, status, assigned_to: by } = objectIn(text) ?? {};
  if (id !== taskId) return { status: "unknown", why: "the answer is of another task" };
  if (status === "queued" || status === "assigned" || status === "completed" || status === "dead_letter") {
    return { status, by: typeof by === "string" ? by : null };
  }
  return { status: "unknown", why: "the answer names no known status" };
}

function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
