/** HTTP for one agent: one connection to each server, so that what its socket counted is what the agent's request cost. */
import type { Socket } from "node:net";
import { buildConnector, Client, type Dispatcher } from "undici";
import type { Traffic } from "../task-executor.ts";

export interface Posting {
  path: string;
  headers?: Record<string, string>;
  body: string;
  signal: AbortSignal;
}

/** Requests of an agent to one server, one at a time. Models take their time, so there is no limit on it but the signal. */
export class CountedClient {
  private readonly client: Client;
  private socket: Socket | undefined;
  private readonly closed: Traffic = { upBytes: 0, downBytes: 0 };

  /** `url`: its path, if there is one, comes before every request's. */
  private readonly basePath: string;

  constructor(url: string) {
    const { origin, pathname } = new URL(url);
    this.basePath = pathname.replace(/\/$/, "");
    const connector = buildConnector({ timeout: 10_000, keepAlive: true });
    this.client = new Client(origin, {
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 600_000,
      connect: (target, callback) =>
        connector(target, (...result) => {
          if (result[1]) this.watch(result[1]);
          callback(...result);
        }),
    });
  }

  /** Rejects when there is no answer, or at the signal. */
  post({ path, headers, body, signal }: Posting): Promise<Dispatcher.ResponseData> {
    return this.client.request({
      method: "POST",
      path: this.basePath + path,
      headers: { "content-type": "application/json", ...headers },
      body,
      signal,
    });
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

  private watch(socket: Socket): void {
    this.socket = socket;
    socket.once("close", () => {
      this.closed.upBytes += socket.bytesWritten;
      this.closed.downBytes += socket.bytesRead;
      if (this.socket === socket) this.socket = undefined;
    });
  }
}

/** Lines of a body as they come, without the empty ones. */
export async function* linesOf(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of body) {
    const lines = (rest + chunk.toString("utf8")).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield line;
  }
  if (rest !== "") yield rest;
}
