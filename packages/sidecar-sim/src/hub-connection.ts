import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { WebSocket } from "ws";
import { NETWORK_PATHS, WEBSOCKET_HEADER_BYTES, wireBytes } from "@hubscale/fleet-model";
import { LIMITS } from "@hubscale/protocol";
import type { SidecarWire } from "./sidecar-surroundings.ts";
import { LONGEST_TEXT_FRAME, textFrame } from "./text-frame.ts";

export interface ConnectionEvents {
  opened(): void;
  received(data: Buffer): void;
  /** Once, also when the connection was never made. Not within the constructor. */
  closed(reason: string): void;
}

const HANDSHAKE_WITHIN_MS = 30_000;
/** After this a peer that does not answer the closing handshake is cut off. */
const CLOSE_WITHIN_MS = 1_000;

/** One WebSocket to a hub. */
export class HubConnection implements SidecarWire {
  framesOut = 0;
  /** With TCP, IP and the WebSocket's header around each frame, which leaves alone; an estimate, without acknowledgements. */
  wireBytesOut = 0;
  private readonly socket: WebSocket;
  private transport: Socket | undefined;
  private reason = "";
  private readonly ended: Promise<void>;

  constructor(url: string, localAddress: string | undefined, events: ConnectionEvents) {
    this.socket = new WebSocket(url, {
      perMessageDeflate: false,
      handshakeTimeout: HANDSHAKE_WITHIN_MS,
      maxPayload: LIMITS.payloadBytes,
      // The hub under test is trusted to send valid UTF-8, and what is not would fail as JSON.
      skipUTF8Validation: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    this.socket.on("upgrade", (response: IncomingMessage) => {
      this.transport = response.socket;
    });
    this.socket.on("open", () => events.opened());
    this.socket.on("message", (data) => events.received(data as Buffer));
    this.socket.on("error", (error: NodeJS.ErrnoException) => {
      this.reason ||= error.code === undefined ? error.message : `${error.code}: ${error.message}`;
    });
    this.ended = new Promise((resolve) => {
      this.socket.on("close", (code, text) => {
        events.closed(this.reason || `closed ${code}${text.length > 0 ? ` ${text.toString()}` : ""}`);
        resolve();
      });
    });
  }

  get bytesIn(): number {
    return this.transport?.bytesRead ?? 0;
  }

  get bytesOut(): number {
    return this.transport?.bytesWritten ?? 0;
  }

  /** Frames to a connection that is closing are lost, as they would be on the way. */
  send(text: string): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    this.framesOut++;
    this.wireBytesOut += wireBytes(text.length + WEBSOCKET_HEADER_BYTES, NETWORK_PATHS.plain);
    // The library writes a frame as two buffers, which was a third of the CPU time of a dense fleet; nothing else writes in between.
    if (this.transport && text.length <= LONGEST_TEXT_FRAME && Buffer.byteLength(text) === text.length) {
      this.transport.write(textFrame(text), "latin1");
    } else {
      this.socket.send(text);
    }
  }

  cut(reason: string): void {
    this.reason ||= reason;
    this.socket.terminate();
  }

  async close(): Promise<void> {
    const timer = setTimeout(() => this.socket.terminate(), CLOSE_WITHIN_MS);
    this.socket.close(1001);
    await this.ended;
    clearTimeout(timer);
  }
}
