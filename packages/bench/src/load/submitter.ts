import { boundedHubRetryMs, retryAfterMs } from "@hubscale/sidecar-sim";
import type { Socket } from "node:net";
import type { Task } from "@hubscale/protocol";
import { buildConnector, type Dispatcher, Pool } from "undici";

export interface SubmitterOptions {
  /** HTTP URLs of the hub's nodes; submissions go round them. */
  httpUrls: readonly string[];
  token: string;
  connectionsPerNode: number;
}

export type Submission =
  | { ok: true; taskId: string }
  /** `answer`: an HTTP status other than 201; `retryAfterMs` when the hub said, at most HUB_RETRY_MS_MAX. `error`: no answer came; whether the hub has the task is not known. */
  | { ok: false; answer: number; retryAfterMs?: number }
  | { ok: false; error: string };

export type LookUp = Task["status"] | "absent" | "unknown";

/** Submissions that get no answer within this are given up. Longer than any hub may take and still be called up. */
const ANSWER_WITHIN_MS = 30_000;

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

  /** `POST /api/tasks`; `done` is called once, never within the call. */
  submit(body: string, done: (submission: Submission) => void): void {
    const pool = this.#pools[this.#next++ % this.#pools.length] as Pool;
    this.#inFlight++;
    const handler = new SubmissionHandler((submission) => {
      this.#inFlight--;
      done(submission);
    });
    pool.dispatch({ method: "POST", path: "/api/tasks", headers: this.#headers, body }, handler);
  }

  /** What the hub says of a task. `unknown`: it did not answer, or not with a task. */
  async lookUp(taskId: string): Promise<LookUp> {
    const pool = this.#pools[this.#next++ % this.#pools.length] as Pool;
    try {
      const { statusCode, body } = await pool.request({ method: "GET", path: `/api/tasks/${taskId}`, headers: this.#headers });
      const text = await body.text();
      if (statusCode === 404) return "absent";
      if (statusCode !== 200) return "unknown";
      return statusOf(JSON.parse(text));
    } catch (error) {
      if (error instanceof Error) return "unknown";
      throw error;
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
    const taskId = /"task_id"\s*:\s*"([^"]+)"/.exec(this.#text)?.[1];
    this.#done(taskId === undefined ? { ok: false, error: "no task_id in the answer" } : { ok: true, taskId });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#done({ ok: false, error: (error as NodeJS.ErrnoException).code ?? error.message });
  }
}

function statusOf(task: unknown): LookUp {
  const status = typeof task === "object" && task !== null && "status" in task ? task.status : undefined;
  return status === "queued" || status === "assigned" || status === "completed" || status === "dead_letter"
    ? status
    : "unknown";
}
