import type { Clock } from "./clock.ts";
import type { Random } from "./random.ts";
import type { SidecarNews } from "./sidecar-events.ts";
import type { TimerWheel } from "./timer-wheel.ts";
import type { WorkTime } from "./work-time.ts";

/** How sidecars work. May be changed between tasks; a task in hand keeps the work time that it drew. */
export interface SidecarBehaviour {
  workTime: WorkTime;
  /** Streamed tokens while working, one frame for each 100 ms window; null: no progress frames. */
  progress: { tokensPerSec: number; model: string } | null;
  /** `share` of the tasks, 0 to 1, end badly: with `task_failed`, or as a completion whose result says `failed`. */
  failure: { share: number; as: "failed" | "failed_result" };
  /** Characters of text in a result. */
  outputChars: number;
}

/** The connection as a sidecar sees it. */
export interface SidecarWire {
  send(text: string): void;
  /** Cuts the connection without a closing handshake. */
  cut(reason: string): void;
}

export interface SidecarSurroundings {
  clock: Clock;
  wheel: TimerWheel;
  random: Random;
  /** How many times faster than life the sidecar works and reports. What waits for the hub (pong, back-off) stays real time. */
  timeScale: number;
  behaviour(): SidecarBehaviour;
  tell(news: SidecarNews): void;
}
