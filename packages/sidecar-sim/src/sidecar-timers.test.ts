import { TIMERS } from "@hubscale/protocol";
import { expect, test } from "vitest";
import { sidecarTimers } from "./sidecar-timers.ts";

const CONTRACT = {
  pingEveryMs: TIMERS.pingEveryMs,
  pongWithinMs: TIMERS.pongWithinMs,
  reportFirstMs: TIMERS.resourceReportFirstMs,
  reportEveryMs: TIMERS.resourceReportEveryMs,
  progressWindowMs: TIMERS.progressWindowMs,
  reconnectFirstMs: TIMERS.reconnectFirstMs,
  reconnectMaxMs: TIMERS.reconnectMaxMs,
};

test("in real time they are the contract's, and in slow motion too", () => {
  expect(sidecarTimers(1)).toEqual(CONTRACT);
  expect(sidecarTimers(0.1)).toEqual(CONTRACT);
});

test("all of them go faster with life, but the wait for a hub's pong not under a second", () => {
  const timers = sidecarTimers(5);
  for (const [name, ms] of Object.entries(CONTRACT)) expect(timers[name as keyof typeof timers]).toBe(ms / 5);
  expect(sidecarTimers(600)).toMatchObject({ pingEveryMs: 50, pongWithinMs: 1_000, reconnectMaxMs: 100 });
});
