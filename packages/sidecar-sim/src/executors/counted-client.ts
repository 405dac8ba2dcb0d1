/** HTTP for one agent: one connection to each server, so that what its socket counted is what the agent's request cost. */
import type { Socket } from "node:net";
import { buildConnector, Client, type Dispatcher, errors } from "undici";
import type { ScaledTime } from "../stubs/scaled-time.ts";
import type { Traffic } from "../task-executor.ts";
import { type AnswerBounds, boundsAt } from "./answer-bounds.ts";
import { BrokenAnswer } from "./answer-text.ts";

export interface Posting {
  path: string;
  headers?: Record<string, string>;
  body: string;
  signal: AbortSignal;
}

/** The request ended before the head of an answer came; the message says why. */
export class NoAnswer extends Error {}

/** An error's body that is longer under way than this is not waited for: the status says what matters. */
const ERROR_BODY_WITHIN_MS = 5_000;

/** Requests of an agent to one server, one at a time. */
export class CountedClient {
  private readonly client: Client;
  private readonly time: ScaledTime;
  private readonly bounds: AnswerBounds;
  private socket: Socket | undefined;
  private readonly closed: Traffic = { upBytes: 0, downBytes: 0 };

  /** `url`: its path, if there is one, comes before every request's. */
  private readonly basePath: string;

  constructor(url: string, { time, bounds }: { time: ScaledTime; bounds: AnswerBounds }) {
    const { origin, pathname } = new URL(url);
    this.basePath = pathname.replace(/\/$/, "");
    this.time = time;
    this.bounds = boundsAt(time.scale, bounds);
    const connector = buildConnector({ timeout: 10_000, keepAlive: true });
    this.client = new Client(origin, {
      headersTimeout: this.bounds.headMs,
      bodyTimeout: this.bounds.silentMs,
      keepAliveTimeout: 600_000,
      connect: (target, callback) =>
        connector(target, (...result) => {
          if (result[1]) this.watch(result[1]);
          callback(...result);
        }),
    });
  }

  /**
   * Hands the answer to `read`, which may leave the rest of it. Rejects with a NoAnswer, with a BrokenAnswer when the body breaks
   * off or takes too long, with what `read` throws, or with the signal's reason.
   */
  async ask<T>({ path, headers, body, signal }: Posting, read: (answer: Dispatcher.ResponseData) => Promise<T>): Promise<T> {
    const stop = new AbortController();
    const onAbort = () => stop.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    const cancelBound = this.time.after(this.bounds.wholeMs, () =>
      stop.abort(new BrokenAnswer(`it took longer than ${this.bounds.wholeMs / 1_000} s`)),
    );
    let answer: Dispatcher.ResponseData | undefined;
    try {
      answer = await this.client.request({
        method: "POST",
        path: this.basePath + path,
        headers: { "content-type": "application/json", ...headers },
        body,
        signal: stop.signal,
      });
      // `read` hears of an error too. One that comes after it has left has no other listener, and would end the process.
      answer.body.on("error", () => undefined);
      const { body: stream, statusCode } = answer;
      const cancelShort = statusCode < 300 ? undefined : this.time.after(ERROR_BODY_WITHIN_MS, () => stream.destroy());
      try {
        return await read(answer);
      } finally {
        cancelShort?.();
      }
    } catch (error) {
      if (signal.aborted || error instanceof BrokenAnswer || !(error instanceof Error)) throw error;
      throw answer === undefined ? new NoAnswer(this.inWords(error)) : new BrokenAnswer(this.inWords(error));
    } finally {
      cancelBound();
      signal.removeEventListener("abort", onAbort);
      if (answer && !answer.body.readableEnded) answer.body.destroy();
    }
  }

  /** Since the client was made, HTTP heads included. */
  traffic(): Traffic {
    return {
      upBytes: this.closed.upBytes + (this.socket?.bytesWritten ?? 0),
      downBytes: this.closed.downBytes + (this.socket?.bytesRead ?? 0),
    };
  }

  /** Breaks off what is under way. */
  close(): Promise<void> {
    return this.client.destroy();
  }

  private inWords(error: Error): string {
    if (error instanceof errors.HeadersTimeoutError) return `no answer within ${this.bounds.headMs / 1_000} s`;
    if (error instanceof errors.BodyTimeoutError) return `nothing came for ${this.bounds.silentMs / 1_000} s`;
    const { code } = error as NodeJS.ErrnoException;
    return code === undefined ? error.message : `${code} ${error.message}`;
  }

  private watch(socket: Socket): void {
    this.socket = socket;
    socket.once("close", () => {
      this.closed.upBytes += socket.bytesWritten;
      this.closed.downBytes += socket.bytesRead;
      if (this.socket === socket) this.socket = undefined;
    });
  }
}
