/** What a piece of work moves over a stretch of network, and how many like it a line carries. */
import { type NetworkPath, packetsFor, TCP_IP_BYTES, wireBytes } from "./network-path.ts";

/** Bytes of an application in one direction, and in how many writes that came apart in time: these do not share packets. */
export interface Writes {
  bytes: number;
  writes: number;
}

export interface SegmentTraffic {
  /** Away from the agent. */
  up: Writes;
  down: Writes;
}

export interface BothWays {
  up: number;
  down: number;
}

/** TCP acknowledges every other packet at the latest (RFC 9293, 3.8.6.3); a host that waits sends no more than that. */
const PACKETS_PER_ACK = 2;

/** At the IP layer, acknowledgements included. Writes are taken to be of one size. */
export function segmentWireBytes({ up, down }: SegmentTraffic, path: NetworkPath): BothWays {
  const acks = (of: Writes) => (packetsOf(of, path) / PACKETS_PER_ACK) * (TCP_IP_BYTES + path.tunnelBytesPerPacket);
  return { up: onWire(up, path) + acks(down), down: onWire(down, path) + acks(up) };
}

function onWire({ bytes, writes }: Writes, path: NetworkPath): number {
  return writes > 0 ? writes * wireBytes(bytes / writes, path) : 0;
}

function packetsOf({ bytes, writes }: Writes, path: NetworkPath): number {
  return writes > 0 ? writes * packetsFor(bytes / writes, path) : 0;
}

/** Agents that always work, at which the direction that fills first is full on the average; nothing is left then for bursts. */
export function agentsPerLine(bitsPerSec: BothWays, line: BothWays): number {
  return Math.min(line.up / bitsPerSec.up, line.down / bitsPerSec.down);
}
