/** Frames of a hub whose fields are of other types than the contract's. */
import { expect, test } from "vitest";
import { ManualClock } from "./manual-clock.ts";
import { Sidecar } from "./sidecar.ts";
import { sidecarTimers } from "./sidecar-timers.ts";
import { plainSuccess } from "./task-executor.ts";
import { TimerWheel } from "./timer-wheel.ts";

/** A sidecar whose work on task-1 is over when `end` is called. */
function sidecarAtWork() {
  const clock = new ManualClock();
  const sent: string[] = [];
  let finish: ((result: ReturnType<typeof plainSuccess>) => void) | undefined;
  const sidecar = new Sidecar(
    { agentId: "a-0", token: "t", capabilities: [], ollamaUrl: null },
    {
      clock,
      wheel: new TimerWheel(clock, 10),
      timers: sidecarTimers(1),
      timeScale: 1,
      executor: {
        run: () =>
          new Promise((resolve) => {
            finish = resolve;
          }),
      },
      resources: () => ({ cpuPercent: 50, ramUsedBytes: 1, ramTotalBytes: 2, vramUsedBytes: null, vramTotalBytes: null }),
      tell: () => undefined,
    },
  );
  const hear = (frame: object) => sidecar.received(Buffer.from(JSON.stringify(frame)));
  sidecar.opened({ send: (text) => sent.push(text), cut: () => undefined });
  hear({ type: "identified", agent_id: "a-0" });
  hear({ type: "task_assign", task_id: "task-1", generation: 1, assigned_at: 99 });
  return {
    hear,
    async end(): Promise<string | undefined> {
      finish?.(plainSuccess("", 1));
      await new Promise(setImmediate);
      return sent.at(-1);
    },
  };
}

/** What an object has in place of `toString` is the sender's choice. */
const NO_TEXT = { toString: 1, valueOf: 1 };

test.each([
  { type: "task_ack", task_id: NO_TEXT, status: "complete" },
  { type: "task_ack", task_id: "task-1", status: NO_TEXT },
  { type: "task_assign", task_id: NO_TEXT, generation: 1 },
  { type: "task_assign", task_id: "task-2", generation: NO_TEXT },
  { type: "task_assign", task_id: "task-1", generation: 2, assigned_at: NO_TEXT },
  { type: "task_cancelled", task_id: NO_TEXT },
  { type: "state_report_ack", task_id: NO_TEXT },
  { type: "task_continue", task_id: NO_TEXT, generation: NO_TEXT },
  { type: "task_reassign", task_id: NO_TEXT },
  { type: "rate_limited", retry_after_ms: NO_TEXT },
  { type: "error", error: NO_TEXT, message_type: NO_TEXT },
])("%j ends nothing, and the task in hand goes on", async (frame) => {
  const { hear, end } = sidecarAtWork();
  hear(frame);
  expect(await end()).toMatch(/^{"type":"task_complete","task_id":"task-1"/);
});
