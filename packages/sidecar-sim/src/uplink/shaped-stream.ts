import type { Socket } from "node:net";
import { type NetworkPath, TCP_IP_BYTES } from "@hubscale/fleet-model";
import type { ShapedDirection } from "./shaped-direction.ts";

export interface DirectionBytes {
  /** What the application wrote: HTTP heads and WebSocket headers included, TCP and below not. */
  payloadBytes: number;
  /** An estimate: with TCP, IP and the mesh around each packet; without acknowledgements and handshakes. */
  wireBytes: number;
}

export interface ShapedStreamOptions {
  from: Socket;
  to: Socket;
  direction: ShapedDirection;
  path: NetworkPath;
  /** Bytes under way at once, as TCP's window: what is beyond stays in the sender's buffers. */
  windowBytes: number;
  bytes: DirectionBytes;
}

/** Packets that one connection puts on the line in one go before another has its turn: what TCP sends at first (RFC 6928). */
const PACKETS_IN_A_ROW = 10;

/** Carries what one socket reads to another over one direction of a line, the end of the stream and a cut included. */
export function shapeStream(options: ShapedStreamOptions): void {
  const { from, to, direction, path, windowBytes, bytes } = options;
  const pieceBytes = PACKETS_IN_A_ROW * (path.mtuBytes - TCP_IP_BYTES);
  let underWay = 0;
  const resumeIfRoom = () => {
    if (underWay < windowBytes && !to.writableNeedDrain) from.resume();
  };
  from.on("data", (data: Buffer) => {
    for (let at = 0; at < data.length; at += pieceBytes) {
      const piece = data.subarray(at, at + pieceBytes);
      underWay += piece.length;
      bytes.payloadBytes += piece.length;
      bytes.wireBytes += direction.send(piece.length, path, () => {
        underWay -= piece.length;
        if (to.writable) to.write(piece);
        resumeIfRoom();
      });
    }
    if (underWay >= windowBytes) from.pause();
  });
  to.on("drain", resumeIfRoom);
  from.on("end", () => direction.send(0, path, () => to.end()));
  // A connection that was reset, or never made, is reset at the other end; after an orderly end there is nothing left to cut.
  from.on("close", () => {
    if (!from.readableEnded) direction.send(0, path, () => to.resetAndDestroy());
  });
}
