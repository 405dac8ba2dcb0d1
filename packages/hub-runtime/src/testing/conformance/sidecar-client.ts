/** A WebSocket client for the cases: keeps every frame that arrives, in order, until a case takes it. */
import type { TaskAssignFrame } from "@hubscale/protocol";
import { WebSocket } from "ws";

export interface AnyFrame {
  type: string;
  [field: string]: unknown;
}

export class SidecarClient {
  readonly #socket: WebSocket;
  readonly #timeoutMs: number;
  /** Frames that no case has taken yet. */
  readonly inbox: AnyFrame[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  #wake: (() => void) | undefined;
  #isClosed = false;

  constructor(socket: WebSocket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    socket.on("message", (data) => {
      this.inbox.push(JSON.parse((data as Buffer).toString("utf8")) as AnyFrame);
      this.#wake?.();
    });
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        this.#isClosed = true;
        this.#wake?.();
        resolve({ code, reason: reason.toString("utf8") });
      });
    });
    // After the handshake an error is always followed by a close, which is what cases look at.
    socket.on("error", () => undefined);
  }

  static async connect(url: string, timeoutMs: number): Promise<SidecarClient> {
    const socket = new WebSocket(url, { perMessageDeflate: false, handshakeTimeout: timeoutMs });
    // Before the handshake is awaited, so that nothing that the hub sends first is missed.
    const client = new SidecarClient(socket, timeoutMs);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    return client;
  }

  send(frame: AnyFrame): void {
    this.#socket.send(JSON.stringify(frame));
  }

  sendText(text: string): void {
    this.#socket.send(text);
  }

  /** Removes and returns the first frame that fits; waits for it if it has not come yet. */
  async take(fits: string | ((frame: AnyFrame) => boolean), withinMs = this.#timeoutMs): Promise<AnyFrame> {
    const isWanted = typeof fits === "string" ? (frame: AnyFrame) => frame.type === fits : fits;
    const endMs = Date.now() + withinMs;
    for (;;) {
      const index = this.inbox.findIndex(isWanted);
      if (index >= 0) return this.inbox.splice(index, 1)[0] as AnyFrame;
      const leftMs = endMs - Date.now();
      if (leftMs <= 0 || this.#isClosed) {
        const wanted = typeof fits === "string" ? `"${fits}"` : `frame (${fits.toString()})`;
        const got = this.inbox.map(({ type }) => type).join(", ") || "nothing";
        throw new Error(`no ${wanted} within ${withinMs} ms${this.#isClosed ? " before the close" : ""}; unread: ${got}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async takeAssign(taskId: string): Promise<TaskAssignFrame & AnyFrame> {
    return (await this.take((frame) => frame.type === "task_assign" && frame["task_id"] === taskId)) as TaskAssignFrame &
      AnyFrame;
  }

  /**
   * Sends a frame and, behind it, a ping: what the hub has to say to the frame is in the returned list, for frames of one
   * connection are answered in order. Takes all that was unread.
   */
  async answersTo(frame: AnyFrame | string): Promise<AnyFrame[]> {
    if (typeof frame === "string") this.sendText(frame);
    else this.send(frame);
    return this.unread();
  }

  /** All that has come until the hub answered a ping. */
  async unread(): Promise<AnyFrame[]> {
    this.send({ type: "ping" });
    await this.take("pong");
    return this.inbox.splice(0);
  }

  async close(): Promise<void> {
    this.#socket.close();
    const timer = setTimeout(() => this.#socket.terminate(), 1_000);
    await this.closed;
    clearTimeout(timer);
  }
}

/** Frames without the news of other agents, which may come at any time. */
export function withoutPresence<F extends { type: string }>(frames: readonly F[]): F[] {
  return frames.filter(({ type }) => type !== "agent_joined" && type !== "agent_left" && type !== "status_changed");
}
