/** One direction of a site's line to the world: a token bucket for the rate, a FIFO before it, a delay behind it. */
import { type NetworkPath, wireBytes } from "./network-path.ts";

export interface UplinkOptions {
  bitsPerSec: number;
  /** What may leave at once after a pause, as the `burst` of `tc tbf`. */
  burstBytes: number;
  /** One way, behind the queue. */
  delayMs: number;
  /** Medians of US access lines: 8 to 16 ms there and back (Ookla Q4 2023, parameters.md C). */
  path: NetworkPath;
}

export interface Sent {
  /** As the line counts them, overhead included. */
  wireBytes: number;
  /** When the last byte has left the site. */
  leftMs: number;
  /** When it is there. */
  arrivesMs: number;
}

export class Uplink {
  private readonly options: UplinkOptions;
  /**
   * Bucket and FIFO in one number: the time at which all that was sent would have left a line without a burst. It never lags
   * behind the present by more than the burst is worth.
   */
  private paidUntilMs = Number.NEGATIVE_INFINITY;
  private wireBytesSent = 0;

  constructor(options: UplinkOptions) {
    this.options = options;
  }

  /** Call in the order of time. `path`: where what goes over one line is wrapped differently, as the mesh to the hub beside the API. */
  send(bytes: number, nowMs: number, path: NetworkPath = this.options.path): Sent {
    const onWire = wireBytes(bytes, path);
    this.wireBytesSent += onWire;
    const fullBucketMs = nowMs - this.msFor(this.options.burstBytes);
    this.paidUntilMs = Math.max(this.paidUntilMs, fullBucketMs) + this.msFor(onWire);
    const leftMs = Math.max(nowMs, this.paidUntilMs);
    return { wireBytes: onWire, leftMs, arrivesMs: leftMs + this.options.delayMs };
  }

  /** What a byte sent now would wait for before it leaves. */
  backlogMs(nowMs: number): number {
    return Math.max(0, this.paidUntilMs - nowMs);
  }

  get totalWireBytes(): number {
    return this.wireBytesSent;
  }

  private msFor(bytes: number): number {
    return (bytes * 8_000) / this.options.bitsPerSec;
  }
}
