/** The opening handshake of a WebSocket, a client's side (RFC 6455 §4.1). */
import { createHash, randomBytes } from "node:crypto";

/** What answered is no WebSocket server, or does not want us. */
export class UpgradeError extends Error {}

/** Sixteen random bytes in Base64. */
export function upgradeKey(): string {
  return randomBytes(16).toString("base64");
}

export function upgradeRequest({ host, pathname, search }: URL, key: string): string {
  return [
    `GET ${pathname}${search} HTTP/1.1`,
    `Host: ${host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${key}`,
    "Sec-WebSocket-Version: 13",
    "\r\n",
  ].join("\r\n");
}

/** Where what follows the answer's head begins; undefined: the head is not there whole. Throws an UpgradeError. */
export function endOfUpgrade(received: Buffer, key: string): number | undefined {
  const end = received.indexOf("\r\n\r\n");
  if (end < 0) {
    if (received.length > LONGEST_HEAD) throw new UpgradeError("the answer to the upgrade has no end");
    return undefined;
  }
  const [status = "", ...lines] = received.toString("latin1", 0, end).split("\r\n");
  const code = /^HTTP\/1\.1 (\d{3})/.exec(status)?.[1];
  if (code === undefined) throw new UpgradeError("the answer to the upgrade is not HTTP");
  if (code !== "101") throw new UpgradeError(`Unexpected server response: ${code}`);
  const accept = lines.map((line) => /^sec-websocket-accept:\s*(\S+)/i.exec(line)?.[1]).find((value) => value !== undefined);
  if (accept !== acceptOf(key)) throw new UpgradeError("Invalid Sec-WebSocket-Accept header");
  return end + 4;
}

function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

const LONGEST_HEAD = 16_384;
