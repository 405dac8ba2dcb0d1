import { TIMERS } from "@hubscale/protocol";
import { PING, resourceReportFrame } from "./sidecar-frames.ts";
import type { SidecarSurroundings, SidecarWire } from "./sidecar-surroundings.ts";
import type { WheelTimer } from "./timer-wheel.ts";

/** What a sidecar sends while it is connected, whatever it does: pings and resource reports. */
export class Heartbeat {
  private readonly agentId: string;
  private readonly around: SidecarSurroundings;
  private pingTimer: WheelTimer | undefined;
  private pongTimer: WheelTimer | undefined;
  private reportTimer: WheelTimer | undefined;

  constructor(agentId: string, around: SidecarSurroundings) {
    this.agentId = agentId;
    this.around = around;
  }

  /** Beats on `wire` until stopped; cuts it when a ping goes unanswered. */
  start(wire: SidecarWire): void {
    this.pingTimer = this.scaled(TIMERS.pingEveryMs, () => this.ping(wire));
    this.reportTimer = this.scaled(TIMERS.resourceReportFirstMs, () => this.report(wire));
  }

  /** A pong came. */
  answered(): void {
    this.pongTimer?.cancel();
  }

  stop(): void {
    for (const timer of [this.pingTimer, this.pongTimer, this.reportTimer]) timer?.cancel();
  }

  private ping(wire: SidecarWire): void {
    wire.send(PING);
    this.pongTimer?.cancel();
    this.pongTimer = this.around.wheel.after(TIMERS.pongWithinMs, () => wire.cut("no pong"));
    this.pingTimer = this.scaled(TIMERS.pingEveryMs, () => this.ping(wire));
  }

  private report(wire: SidecarWire): void {
    const { random, clock } = this.around;
    const sample = { cpuPercent: Math.round(random() * 1000) / 10, ramUsedBytes: 800_000_000, ramTotalBytes: 25_276_502_016 };
    wire.send(resourceReportFrame(this.agentId, sample, clock.nowMs()));
    this.reportTimer = this.scaled(TIMERS.resourceReportEveryMs, () => this.report(wire));
  }

  private scaled(delayMs: number, run: () => void): WheelTimer {
    return this.around.wheel.after(delayMs / this.around.timeScale, run);
  }
}
