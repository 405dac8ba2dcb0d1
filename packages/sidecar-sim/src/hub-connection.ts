/**
 * One WebSocket to a hub. A client of its own rather than a library's, since a fleet has ten thousand of them beside the hub that it measures:
 * all connections of a process read into one buffer, a frame is one write, and there is no stream behind the socket's own (docs/decisions/0042).
 */
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { NETWORK_PATHS, WEBSOCKET_HEADER_BYTES, wireBytes } from "@hubscale/fleet-model";
import { LIMITS } from "@hubscale/protocol";
import { FrameError, FrameReader } from "./frame-reader.ts";
import type { SidecarWire } from "./sidecar-surroundings.ts";
import { frameOf, LONGEST_TEXT_FRAME, OPCODE, textFrame } from "./text-frame.ts";
import { endOfUpgrade, UpgradeError, upgradeKey, upgradeRequest } from "./upgrade.ts";

export interface ConnectionEvents {
  opened(): void;
  /** The payload is valid until the call returns. */
  received(data: Buffer): void;
  /** Once, also when the connection was never made. Not within the constructor. */
  closed(reason: string): void;
}

const HANDSHAKE_WITHIN_MS = 30_000;
/** After this a peer that does not answer the closing handshake is cut off. */
const CLOSE_WITHIN_MS = 1_000;
const GOING_AWAY = 1001;
/** Nothing is awaited between a read and the end of what it leads to, so all connections can read into the same memory. */
const READ_BUFFER = Buffer.allocUnsafeSlow(65_536);

const STATE = { connecting: 0, open: 1, closing: 2, closed: 3 } as const;

export class HubConnection implements SidecarWire {
  framesOut = 0;
  /** With TCP, IP and the WebSocket's header around each frame, which leaves alone; an estimate, without acknowledgements. */
  wireBytesOut = 0;
  private readonly socket: Socket;
  private readonly events: ConnectionEvents;
  private readonly reader: FrameReader;
  private state: number = STATE.connecting;
  /** While connecting: what the answer to the upgrade must fit, and what has come of it. */
  private key: string | undefined = upgradeKey();
  private head: Buffer | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** Something came that cannot be read: nothing after it can. */
  private isBroken = false;
  private reason = "";
  private onClosed: (() => void) | undefined;

  constructor(url: string, localAddress: string | undefined, events: ConnectionEvents) {
    const target = new URL(url);
    this.events = events;
    this.reader = new FrameReader(LIMITS.payloadBytes, (opcode, payload) => this.frame(opcode, payload));
    const isSecure = target.protocol === "wss:";
    const options = {
      host: target.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: Number(target.port) || (isSecure ? 443 : 80),
      noDelay: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    };
    const onConnect = () => this.socket.write(upgradeRequest(target, this.key ?? ""), "latin1");
    if (isSecure) {
      const servername = /^[\d.]+$|:/.test(options.host) ? {} : { servername: options.host };
      this.socket = connectTls({ ...options, ...servername }, onConnect);
      this.socket.on("data", (data: Buffer) => this.read(data, data.length));
    } else {
      const onread = {
        buffer: READ_BUFFER,
        callback: (length: number) => {
          this.read(READ_BUFFER, length);
          return true;
        },
      };
      this.socket = connectTcp({ ...options, onread }, onConnect);
    }
    this.timer = setTimeout(() => this.cut("Opening handshake has timed out"), HANDSHAKE_WITHIN_MS);
    this.socket.on("error", (error: NodeJS.ErrnoException) => {
      this.reason ||= error.code === undefined ? error.message : `${error.code}: ${error.message}`;
    });
    this.socket.on("close", () => this.ended());
  }

  get bytesIn(): number {
    return this.socket.bytesRead;
  }

  get bytesOut(): number {
    return this.socket.bytesWritten;
  }

  /** Frames to a connection that is closing are lost, as they would be on the way. */
  send(text: string): void {
    if (this.state !== STATE.open) return;
    this.framesOut++;
    this.wireBytesOut += wireBytes(text.length + WEBSOCKET_HEADER_BYTES, NETWORK_PATHS.plain);
    if (text.length <= LONGEST_TEXT_FRAME && Buffer.byteLength(text) === text.length) {
      this.socket.write(textFrame(text), "latin1");
    } else {
      this.socket.write(frameOf(OPCODE.text, Buffer.from(text)));
    }
  }

  cut(reason: string): void {
    this.reason ||= reason;
    this.socket.destroy();
  }

  /** With a closing handshake; resolves when the connection is closed. */
  async close(): Promise<void> {
    if (this.state === STATE.closed) return;
    const closed = new Promise<void>((resolve) => {
      this.onClosed = resolve;
    });
    if (this.state === STATE.connecting) this.socket.destroy();
    else if (this.state === STATE.open) this.startClosing(GOING_AWAY);
    await closed;
  }

  private read(bytes: Buffer, length: number): void {
    if (this.isBroken || this.socket.destroyed) return;
    try {
      if (this.key === undefined) this.reader.push(bytes, 0, length);
      else this.readHead(bytes, length, this.key);
    } catch (error) {
      if (!(error instanceof FrameError || error instanceof UpgradeError)) throw error;
      this.isBroken = true;
      this.reason ||= error.message;
      if (error instanceof FrameError && this.state === STATE.open) this.startClosing(error.code);
      else this.socket.destroy();
    }
  }

  private readHead(bytes: Buffer, length: number, key: string): void {
    const head = Buffer.concat([this.head ?? Buffer.alloc(0), bytes.subarray(0, length)]);
    const end = endOfUpgrade(head, key);
    this.head = head;
    if (end === undefined) return;
    this.head = undefined;
    this.key = undefined;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.state = STATE.open;
    this.events.opened();
    if (end < head.length) this.reader.push(head, end, head.length);
  }

  private frame(opcode: number, payload: Buffer): void {
    // Cut off by what an earlier frame of the same read led to.
    if (this.socket.destroyed) return;
    if (opcode === OPCODE.text || opcode === OPCODE.binary) this.events.received(payload);
    else if (opcode === OPCODE.ping) this.socket.write(frameOf(OPCODE.pong, payload));
    else if (opcode === OPCODE.close) this.closeFrame(payload);
  }

  private closeFrame(payload: Buffer): void {
    const code = payload.length >= 2 ? payload.readUInt16BE(0) : NO_STATUS;
    const text = payload.toString("utf8", 2);
    this.reason ||= `closed ${code}${text === "" ? "" : ` ${text}`}`;
    // The server's answer to ours needs none.
    if (this.state === STATE.open) this.startClosing(code === NO_STATUS ? undefined : code);
    this.socket.end();
  }

  private startClosing(code: number | undefined): void {
    this.state = STATE.closing;
    const payload = Buffer.alloc(code === undefined ? 0 : 2);
    if (code !== undefined) payload.writeUInt16BE(code);
    this.socket.write(frameOf(OPCODE.close, payload));
    this.timer = setTimeout(() => this.socket.destroy(), CLOSE_WITHIN_MS);
  }

  private ended(): void {
    clearTimeout(this.timer);
    this.state = STATE.closed;
    this.events.closed(this.reason || `closed ${ABNORMAL}`);
    this.onClosed?.();
  }
}

/** Of a close frame without one, and of an end without a close frame (RFC 6455 §7.4.1). */
const NO_STATUS = 1005;
const ABNORMAL = 1006;
