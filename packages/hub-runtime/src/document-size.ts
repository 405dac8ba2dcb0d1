/** The bounds on what clients hand in to be stored or passed on, in the JSON that the hub writes of it. */
import { LIMITS } from "@hubscale/protocol";
import { Refused } from "./ports.ts";

/**
 * JSON grows by at most this factor when it is read and written again, from UTF-16 code units to UTF-8 bytes: `1e20` becomes 21
 * digits, another character at most three bytes.
 */
const JSON_GROWTH = 6;

/**
 * The size of a value if it is above the limit, else 0, in bytes. `readChars`: length of the text, or the bytes, that held it. What
 * was read from a short text is not written to be measured.
 */
export function bytesAbove(limitBytes: number, value: unknown, readChars: number): number {
  if (readChars * JSON_GROWTH <= limitBytes) return 0;
  const bytes = jsonBytesOf(value);
  return bytes > limitBytes ? bytes : 0;
}

/** Throws `Refused` if the value is above the limit. */
export function refuseAbove(limitBytes: number, value: unknown, readChars: number): void {
  const bytes = bytesAbove(limitBytes, value, readChars);
  if (bytes === 0) return;
  throw new Refused("payload_too_large", `${bytes} bytes of JSON, of which a hub stores ${limitBytes}`, limitBytes);
}

export function jsonBytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? "");
}

/** Of a stored task with its result and all that the hub adds. */
export function recordBytesFor(documentBytes: number): number {
  return documentBytes + LIMITS.resultBytes + LIMITS.hubRecordBytes;
}
