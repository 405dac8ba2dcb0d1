import { LIMITS } from "@hubscale/protocol";
import { expect, test } from "vitest";
import { ManualClock } from "./manual-clock.ts";
import { ProgressBatch } from "./progress-batch.ts";
import { TimerWheel } from "./timer-wheel.ts";

test("text that is too much for a frame is left out, and its tokens are counted", () => {
  const clock = new ManualClock();
  const sent: string[] = [];
  const batch = new ProgressBatch({
    taskId: "task-1",
    wheel: new TimerWheel(clock, 10),
    clock,
    windowMs: 100,
    timeScale: 1,
    send: (frame) => sent.push(frame),
  });
  for (let i = 0; i < 3; i++) batch.add({ type: "token", text: "\u0001".repeat(1_000_000), tokens: 250_000, model: "m" });
  batch.add({ type: "steady_tokens", textPerToken: "word ", tokensPerSec: 1e7, tokens: 1e7, model: "m" });
  clock.advance(100);
  const counts = sent.map((frame) => (JSON.parse(frame) as { execution_event: { tokens_so_far: number } }).execution_event);
  expect(counts.map(({ tokens_so_far: tokens }) => tokens)).toEqual([750_000, 1_750_000]);
  for (const frame of sent) expect(frame.length).toBeLessThan(LIMITS.payloadBytes);
});
