import { PING, resourceReportFrame } from "./sidecar-frames.ts";
import type { SidecarSurroundings, SidecarWire } from "./sidecar-surroundings.ts";
import type { WheelAlarm, WheelTimer } from "./timer-wheel.ts";

/** What a sidecar sends while it is connected, whatever it does: pings and resource reports. */
export class Heartbeat {
  private readonly agentId: string;
  private readonly around: SidecarSurroundings;
  private pingTimer: WheelTimer | undefined;
  private pongAlarm: WheelAlarm | undefined;
  private reportTimer: WheelTimer | undefined;

  constructor(agentId: string, around: SidecarSurroundings) {
    this.agentId = agentId;
    this.around = around;
  }

  /** Beats on `wire` until stopped; cuts it when a ping goes unanswered. */
  start(wire: SidecarWire): void {
    const { wheel, timers } = this.around;
    this.pongAlarm = wheel.alarm(timers.pongWithinMs, () => wire.cut("no pong"));
    this.pingTimer = wheel.every(timers.pingEveryMs, () => this.ping(wire));
    this.reportTimer = wheel.after(timers.reportFirstMs, () => {
      this.report(wire);
      this.reportTimer = wheel.every(timers.reportEveryMs, () => this.report(wire));
    });
  }

  /** A pong came. */
  answered(): void {
    this.pongAlarm?.cancel();
  }

  stop(): void {
    for (const timer of [this.pingTimer, this.pongAlarm, this.reportTimer]) timer?.cancel();
  }

  /** The wait is for the oldest ping without an answer: at a high time scale there may be several. */
  private ping(wire: SidecarWire): void {
    wire.send(PING);
    if (!this.pongAlarm?.isSet) this.pongAlarm?.set();
  }

  private report(wire: SidecarWire): void {
    wire.send(resourceReportFrame(this.agentId, this.around.resources(), this.around.clock.nowMs()));
  }
}
