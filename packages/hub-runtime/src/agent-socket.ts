/** One WebSocket: its frames in the order of their arrival, one at a time, and a bounded buffer towards the client. */
import { type HubFrame, LIMITS } from "@hubscale/protocol";
import { WebSocket } from "ws";
import type { AgentLine } from "./connected-agent.ts";
import type { HubMetrics } from "./hub-metrics.ts";

/** Handles one frame; a promise only when there is something to wait for. Must not reject: it knows what to do with errors. */
export type FrameHandler = (data: Buffer) => Promise<void> | undefined;

export interface AgentSocketOptions {
  socket: WebSocket;
  metrics: HubMetrics;
  /** A client that lets more than this pile up is cut off. */
  maxBufferedBytes: number;
}

export class AgentSocket implements AgentLine {
  readonly #socket: WebSocket;
  readonly #metrics: HubMetrics;
  readonly #maxBufferedBytes: number;
  readonly #waiting: Buffer[] = [];
  #handle: FrameHandler = () => undefined;
  #waitingBytes = 0;
  /** A client that is not known yet has nothing to say meanwhile. */
  #waitingBytesMax = 0;
  #isBusy = false;
  #framesSinceExpelled: number | undefined;

  constructor({ socket, metrics, maxBufferedBytes }: AgentSocketOptions) {
    this.#socket = socket;
    this.#metrics = metrics;
    this.#maxBufferedBytes = maxBufferedBytes;
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** No frame is being handled or waits. */
  get isQuiet(): boolean {
    return !this.#isBusy;
  }

  listen(handle: FrameHandler): void {
    this.#handle = handle;
  }

  /** Takes a frame in. Frames behind one that waits for the store are kept; a client that goes on sending is no longer read. */
  receive(data: Buffer): void {
    if (this.#framesSinceExpelled !== undefined) {
      if (++this.#framesSinceExpelled === FRAMES_ON_THEIR_WAY) this.terminate();
      return;
    }
    if (this.#isBusy) {
      this.#waiting.push(data);
      this.#waitingBytes += data.length;
      if (this.#waiting.length >= WAITING_FRAMES || this.#waitingBytes > this.#waitingBytesMax) this.#socket.pause();
      return;
    }
    const pending = this.#handle(data);
    if (pending) void this.#finish(pending);
  }

  /** From now on as much as one frame may have, since the client is known. */
  allowWaiting(): void {
    this.#waitingBytesMax = LIMITS.payloadBytes;
  }

  send(frame: HubFrame): void {
    this.#write(JSON.stringify(frame));
  }

  sendBytes(frame: Buffer): void {
    this.#write(frame);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  /** As `close`, for a client that broke the rules: nothing more of it is heard, and it is cut off when it sends on all the same. */
  expel(code: number, reason: string): void {
    this.#framesSinceExpelled = 0;
    this.close(code, reason);
  }

  /** Without a closing handshake, for a client that does not answer one. */
  terminate(): void {
    this.#socket.terminate();
  }

  async #finish(first: Promise<void>): Promise<void> {
    this.#isBusy = true;
    await first;
    // What is left when the connection has ended is dropped: its sender cannot be told any more.
    while (this.#waiting.length > 0 && this.isOpen) {
      const data = this.#waiting.shift() as Buffer;
      this.#waitingBytes -= data.length;
      if (this.#waiting.length === 0 && this.#socket.isPaused) this.#socket.resume();
      await this.#handle(data);
    }
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    this.#isBusy = false;
  }

  #write(frame: string | Buffer): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    if (this.#socket.bufferedAmount > this.#maxBufferedBytes) {
      this.#metrics.counters.slow_clients_dropped++;
      this.#socket.terminate();
      return;
    }
    this.#metrics.counters.frames_out++;
    this.#socket.send(frame, TEXT_FRAME);
  }
}

const TEXT_FRAME = { binary: false };

/** Frames of one client that may wait behind one in progress; at 10 progress frames a second, more than six seconds' worth. */
const WAITING_FRAMES = 64;

/** What a client may have sent before it read that its connection is closed. */
const FRAMES_ON_THEIR_WAY = 64;
