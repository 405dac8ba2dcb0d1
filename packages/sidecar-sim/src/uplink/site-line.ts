/** A site's line to the world as real TCP: what goes through it takes the time that the fleet model says. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type NetworkPath, NETWORK_PATHS, Uplink } from "@hubscale/fleet-model";
import type { Clock } from "../clock.ts";
import { ScaledTime } from "../stubs/scaled-time.ts";
import { ShapedDirection } from "./shaped-direction.ts";
import { type DirectionBytes, shapeStream } from "./shaped-stream.ts";

export interface SiteLineOptions {
  upBitsPerSec: number;
  downBitsPerSec: number;
  /** There and back, without queues. */
  roundTripMs: number;
  /** What may leave at once after a pause, as the `burst` of `tc tbf`. */
  burstBytes: number;
  clock: Clock;
  /** How many times faster than life. */
  timeScale: number;
}

export interface ShapedPathOptions {
  target: { host: string; port: number };
  /** How packets are wrapped: plain, or in the mesh (direct or relayed). */
  path: NetworkPath;
  /** Before the first byte: 1 for TCP, 2 with TLS 1.3. */
  roundTripsToOpen: number;
  /** On 127.0.0.1; 0: any. */
  port: number;
}

export interface PathTraffic {
  connections: number;
  /** Away from the site. */
  up: DirectionBytes;
  down: DirectionBytes;
}

export interface ShapedPath {
  port: number;
  traffic(): PathTraffic;
  /** Cuts what is open. */
  close(): Promise<void>;
}

/** More than the line can hold, so that a timer's late wake-up leaves no gap: TCP fills the buffers before a bottleneck likewise. */
const WINDOW_SLACK_BYTES = 65_536;
const TIMER_SLACK_MS = 20;

/** All paths that are opened on one line share its two token buckets, as the agents of a site share its uplink. */
export class SiteLine {
  private readonly options: SiteLineOptions;
  private readonly time: ScaledTime;
  private readonly up: ShapedDirection;
  private readonly down: ShapedDirection;
  private readonly paths: ShapedPath[] = [];

  constructor(options: SiteLineOptions) {
    this.options = options;
    this.time = new ScaledTime(options.clock, options.timeScale);
    const { upBitsPerSec, downBitsPerSec, burstBytes, roundTripMs } = options;
    const line = (bitsPerSec: number) =>
      new Uplink({ bitsPerSec, burstBytes, delayMs: roundTripMs / 2, path: NETWORK_PATHS.plain });
    this.up = new ShapedDirection(line(upBitsPerSec), this.time);
    this.down = new ShapedDirection(line(downBitsPerSec), this.time);
  }

  /** A port on 127.0.0.1 behind which the target is at the other end of the line. Rejects when the port cannot be had. */
  async open(options: ShapedPathOptions): Promise<ShapedPath> {
    const traffic: PathTraffic = {
      connections: 0,
      up: { payloadBytes: 0, wireBytes: 0 },
      down: { payloadBytes: 0, wireBytes: 0 },
    };
    const sockets = new Set<Socket>();
    // A stream that has ended in one direction goes on in the other.
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (near) => {
      traffic.connections++;
      const opened = this.time.at(this.time.nowMs() + options.roundTripsToOpen * this.options.roundTripMs, () =>
        this.join(near, options, traffic, sockets),
      );
      near.on("error", ignoreReset);
      near.once("close", opened);
      sockets.add(near);
      near.once("close", () => sockets.delete(near));
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(options.port, "127.0.0.1", resolve);
    });
    const path: ShapedPath = {
      port: (server.address() as AddressInfo).port,
      traffic: () => structuredClone(traffic),
      close: () => {
        const closed = new Promise<void>((resolve) => {
          server.close(() => resolve());
        });
        for (const socket of sockets) socket.destroy();
        return closed;
      },
    };
    this.paths.push(path);
    return path;
  }

  /** How long a byte would wait in each queue now, in the fleet's time. */
  get backlogMs(): { up: number; down: number } {
    return { up: this.up.backlogMs, down: this.down.backlogMs };
  }

  /** Closes the paths too. */
  async close(): Promise<void> {
    await Promise.all(this.paths.map((path) => path.close()));
    this.up.close();
    this.down.close();
  }

  private join(near: Socket, { target, path }: ShapedPathOptions, traffic: PathTraffic, sockets: Set<Socket>): void {
    const far = connect({ ...target, allowHalfOpen: true, noDelay: true });
    far.on("error", ignoreReset);
    sockets.add(far);
    far.once("close", () => sockets.delete(far));
    const { upBitsPerSec, downBitsPerSec } = this.options;
    shapeStream({
      from: near,
      to: far,
      direction: this.up,
      path,
      windowBytes: this.windowBytes(upBitsPerSec),
      bytes: traffic.up,
    });
    shapeStream({
      from: far,
      to: near,
      direction: this.down,
      path,
      windowBytes: this.windowBytes(downBitsPerSec),
      bytes: traffic.down,
    });
    near.resume();
  }

  private windowBytes(bitsPerSec: number): number {
    const { roundTripMs, timeScale } = this.options;
    return WINDOW_SLACK_BYTES + (bitsPerSec * (roundTripMs + TIMER_SLACK_MS * timeScale)) / 8_000;
  }
}

/** `close` follows and is handed on to the other side; a refused or reset connection is no defect of the line. */
function ignoreReset(): void {}
