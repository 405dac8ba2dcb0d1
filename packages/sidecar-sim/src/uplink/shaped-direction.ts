import type { NetworkPath, Uplink } from "@hubscale/fleet-model";
import type { Cancel } from "../clock.ts";
import type { ScaledTime } from "../stubs/scaled-time.ts";

interface UnderWay {
  arrivesMs: number;
  arrive: () => void;
}

/** One direction of a site's line: what is sent arrives in its order, when the model of the line says so. */
export class ShapedDirection {
  private readonly uplink: Uplink;
  private readonly time: ScaledTime;
  /** Arrival times ascend, since the line is a FIFO with a constant delay. `taken` of them have arrived. */
  private underWay: UnderWay[] = [];
  private taken = 0;
  private timer: Cancel | undefined;

  constructor(uplink: Uplink, time: ScaledTime) {
    this.uplink = uplink;
    this.time = time;
  }

  /** Returns the bytes on the wire. 0 bytes (the end of a stream) cost nothing and keep their place in the order. */
  send(bytes: number, path: NetworkPath, arrive: () => void): number {
    const { arrivesMs, wireBytes } = this.uplink.send(bytes, this.time.nowMs(), path);
    this.underWay.push({ arrivesMs, arrive });
    this.timer ??= this.time.at(arrivesMs, () => this.deliver());
    return wireBytes;
  }

  /** How long a byte sent now would wait before it leaves, in the fleet's time. */
  get backlogMs(): number {
    return this.uplink.backlogMs(this.time.nowMs());
  }

  close(): void {
    this.timer?.();
    this.underWay = [];
  }

  private deliver(): void {
    this.timer = undefined;
    const nowMs = this.time.nowMs();
    for (let next = this.underWay[this.taken]; next && next.arrivesMs <= nowMs; next = this.underWay[this.taken]) {
      this.taken++;
      next.arrive();
    }
    const next = this.underWay[this.taken];
    this.underWay = this.taken > 1_000 || !next ? this.underWay.slice(this.taken) : this.underWay;
    if (this.underWay.length === 0 || this.underWay[0] === next) this.taken = 0;
    if (next) this.timer = this.time.at(next.arrivesMs, () => this.deliver());
  }
}
