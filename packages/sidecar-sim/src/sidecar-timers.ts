import { TIMERS } from "@hubscale/protocol";

/** The timers of a sidecar in real milliseconds. */
export interface SidecarTimers {
  pingEveryMs: number;
  pongWithinMs: number;
  reportFirstMs: number;
  reportEveryMs: number;
  progressWindowMs: number;
  reconnectFirstMs: number;
  reconnectMaxMs: number;
}

/**
 * However fast life goes, a hub is not given up before this: it answers in real time, and a busy machine's event loop may stand
 * still for some hundred milliseconds.
 */
const PONG_AT_LEAST_MS = 1_000;

/**
 * The contract's timers for a life that goes `timeScale` times faster. In slow motion (below 1) they stay as they are: the hub's
 * own limits (60 s unseen, 90 s for a resource report, 60 s to accept) are not slowed down, and would drop a sidecar that is.
 */
export function sidecarTimers(timeScale: number): SidecarTimers {
  const scaled = (ms: number) => ms / Math.max(1, timeScale);
  return {
    pingEveryMs: scaled(TIMERS.pingEveryMs),
    pongWithinMs: Math.max(PONG_AT_LEAST_MS, scaled(TIMERS.pongWithinMs)),
    reportFirstMs: scaled(TIMERS.resourceReportFirstMs),
    reportEveryMs: scaled(TIMERS.resourceReportEveryMs),
    progressWindowMs: scaled(TIMERS.progressWindowMs),
    reconnectFirstMs: scaled(TIMERS.reconnectFirstMs),
    reconnectMaxMs: scaled(TIMERS.reconnectMaxMs),
  };
}
