/** A text frame as a client sends it (RFC 6455), for text that is ASCII: one string of bytes, so that it takes one plain write. */

/** Beyond this a frame has another header, and its cost is not in the header any more. */
export const LONGEST_TEXT_FRAME = 65_535;

const FINAL_TEXT = 0x81;
const MASKED = 0x80;
const TWO_BYTE_LENGTH = 126;
/** A mask of zeros leaves the text as it is. Masks protect proxies from crafted payloads; these frames are our own. */
const ZERO_MASK = "\0\0\0\0";

const shortHeaders = Array.from({ length: TWO_BYTE_LENGTH }, (_, length) => headerOf(MASKED | length));

/** The frame in Latin-1. `text` must be ASCII and no longer than LONGEST_TEXT_FRAME. */
export function textFrame(text: string): string {
  const { length } = text;
  return (shortHeaders[length] ?? headerOf(MASKED | TWO_BYTE_LENGTH, length >> 8, length & 0xff)) + text;
}

function headerOf(...lengthBytes: number[]): string {
  return String.fromCharCode(FINAL_TEXT, ...lengthBytes) + ZERO_MASK;
}
