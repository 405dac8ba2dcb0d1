/** Frames as a client sends them (RFC 6455 §5). */

/** Beyond this a frame has another header, and its cost is not in the header any more. */
export const LONGEST_TEXT_FRAME = 65_535;

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const FINAL = 0x80;
const MASKED = 0x80;
const TWO_BYTE_LENGTH = 126;
const EIGHT_BYTE_LENGTH = 127;
/** A mask of zeros leaves the payload as it is. Masks protect proxies from crafted payloads; these frames are our own. */
const ZERO_MASK = "\0\0\0\0";

const shortHeaders = Array.from({ length: TWO_BYTE_LENGTH }, (_, length) => headerOf(MASKED | length));

/** One string of bytes in Latin-1, so that it takes one plain write. `text` must be ASCII and no longer than LONGEST_TEXT_FRAME. */
export function textFrame(text: string): string {
  const { length } = text;
  return (shortHeaders[length] ?? headerOf(MASKED | TWO_BYTE_LENGTH, length >> 8, length & 0xff)) + text;
}

/** Of any payload. */
export function frameOf(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const lengthBytes = length < TWO_BYTE_LENGTH ? 0 : length <= LONGEST_TEXT_FRAME ? 2 : 8;
  const header = Buffer.alloc(2 + lengthBytes + ZERO_MASK.length);
  header[0] = FINAL | opcode;
  header[1] = MASKED | (lengthBytes === 0 ? length : lengthBytes === 2 ? TWO_BYTE_LENGTH : EIGHT_BYTE_LENGTH);
  if (lengthBytes === 2) header.writeUInt16BE(length, 2);
  else if (lengthBytes === 8) header.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([header, payload]);
}

function headerOf(...lengthBytes: number[]): string {
  return String.fromCharCode(FINAL | OPCODE.text, ...lengthBytes) + ZERO_MASK;
}
