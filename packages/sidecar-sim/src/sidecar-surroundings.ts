import type { Clock } from "./clock.ts";
import type { SidecarNews } from "./sidecar-events.ts";
import type { ResourceSample } from "./sidecar-frames.ts";
import type { SidecarTimers } from "./sidecar-timers.ts";
import type { TaskExecutor } from "./task-executor.ts";
import type { TimerWheel } from "./timer-wheel.ts";

/** The connection as a sidecar sees it. */
export interface SidecarWire {
  send(text: string): void;
  /** Cuts the connection without a closing handshake. */
  cut(reason: string): void;
}

/** Where a sidecar works: who does its tasks, and what it reports of its host. */
export interface Workplace {
  executor: TaskExecutor;
  resources(): ResourceSample;
}

export interface SidecarSurroundings extends Workplace {
  clock: Clock;
  wheel: TimerWheel;
  timers: SidecarTimers;
  /** How many times faster than life the sidecar works. */
  timeScale: number;
  tell(news: SidecarNews): void;
}
