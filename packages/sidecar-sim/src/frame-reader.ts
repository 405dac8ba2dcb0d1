/** Reads the frames that a server sends (RFC 6455 §5) out of the bytes of a connection, however these are cut. */
import { OPCODE } from "./text-frame.ts";

/** What the peer may not do; `code` is the status with which the connection is to be closed (§7.4.1). */
export class FrameError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** `opcode` is text, binary, close, ping or pong; the payload is valid until the call returns. */
export type FrameListener = (opcode: number, payload: Buffer) => void;

const FINAL = 0x80;
const RESERVED = 0x70;
const OPCODE_BITS = 0x0f;
const MASKED = 0x80;
const LENGTH_BITS = 0x7f;
/** From here on frames are control frames: never in parts, never long. */
const FIRST_CONTROL = OPCODE.close;
const LONGEST_CONTROL = 125;

export class FrameReader {
  private readonly maxPayload: number;
  private readonly listener: FrameListener;
  /** The beginning of a frame that has not come to its end. */
  private rest: Buffer | undefined;
  /** The parts of a message that has not come to its end, and what it is. */
  private parts: Buffer[] | undefined;
  private partsBytes = 0;
  private partsOpcode: number = OPCODE.text;

  constructor(maxPayload: number, listener: FrameListener) {
    this.maxPayload = maxPayload;
    this.listener = listener;
  }

  /** The next bytes of the connection, of which nothing is kept but a copy. Throws a FrameError, and is of no use after that. */
  push(bytes: Buffer, from: number, to: number): void {
    if (!this.rest) {
      const at = this.readAll(bytes, from, to);
      if (at < to) this.rest = Buffer.from(bytes.subarray(at, to));
      return;
    }
    const joined = Buffer.concat([this.rest, bytes.subarray(from, to)]);
    const at = this.readAll(joined, 0, joined.length);
    this.rest = at < joined.length ? joined.subarray(at) : undefined;
  }

  /** Where the first frame begins that is not there whole. */
  private readAll(bytes: Buffer, from: number, to: number): number {
    let at = from;
    while (to - at >= 2) {
      const first = bytes[at] as number;
      const second = bytes[at + 1] as number;
      if (first & RESERVED) throw new FrameError(1002, "a frame with reserved bits, though no extension was agreed on");
      if (second & MASKED) throw new FrameError(1002, "a masked frame from a server");
      const opcode = first & OPCODE_BITS;
      const short = second & LENGTH_BITS;
      let payloadAt = at + 2;
      let length = short;
      if (short === 126) {
        if (to - at < 4) break;
        length = bytes.readUInt16BE(at + 2);
        payloadAt = at + 4;
      } else if (short === 127) {
        if (to - at < 10) break;
        length = Number(bytes.readBigUInt64BE(at + 2));
        payloadAt = at + 10;
      }
      if (opcode >= FIRST_CONTROL && (length > LONGEST_CONTROL || !(first & FINAL))) {
        throw new FrameError(1002, "a control frame that is in parts or too long");
      }
      if (length + this.partsBytes > this.maxPayload) {
        throw new FrameError(1009, `a message of more than ${this.maxPayload} bytes`);
      }
      const end = payloadAt + length;
      if (end > to) break;
      this.frame(opcode, (first & FINAL) !== 0, bytes.subarray(payloadAt, end));
      at = end;
    }
    return at;
  }

  private frame(opcode: number, isFinal: boolean, payload: Buffer): void {
    if (opcode > OPCODE.pong || (opcode > OPCODE.binary && opcode < FIRST_CONTROL)) {
      throw new FrameError(1002, `a frame of unknown kind (opcode ${opcode})`);
    }
    if (opcode >= FIRST_CONTROL || (isFinal && opcode !== OPCODE.continuation && !this.parts)) {
      this.listener(opcode, payload);
      return;
    }
    if ((opcode === OPCODE.continuation) !== (this.parts !== undefined)) {
      throw new FrameError(1002, opcode === OPCODE.continuation ? "a part of no message" : "a message within a message");
    }
    if (!this.parts) {
      this.parts = [];
      this.partsOpcode = opcode;
    }
    this.parts.push(Buffer.from(payload));
    this.partsBytes += payload.length;
    if (!isFinal) return;
    const whole = Buffer.concat(this.parts);
    this.parts = undefined;
    this.partsBytes = 0;
    this.listener(this.partsOpcode, whole);
  }
}
