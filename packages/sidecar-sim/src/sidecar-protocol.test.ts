import { expect, test } from "vitest";
import { DrawnExecutor } from "./drawn-executor.ts";
import { ManualClock } from "./manual-clock.ts";
import { Sidecar } from "./sidecar.ts";
import type { SidecarNews } from "./sidecar-events.ts";
import { sidecarTimers } from "./sidecar-timers.ts";
import { TimerWheel } from "./timer-wheel.ts";

/** A sidecar that is connected and has a task in hand, what it told and what it sent since. */
function sidecarAtWork() {
  const clock = new ManualClock();
  const behaviour = {
    workTime: { kind: "constant", ms: 1_000 },
    progress: null,
    failure: { share: 0, as: "failed" },
    outputChars: 20,
  } as const;
  const news: SidecarNews[] = [];
  const sent: string[] = [];
  const sidecar = new Sidecar(
    { agentId: "a-0", token: "t", capabilities: ["code"], ollamaUrl: null },
    {
      clock,
      wheel: new TimerWheel(clock, 10),
      timers: sidecarTimers(1),
      timeScale: 1,
      executor: new DrawnExecutor({ clock, random: () => 0.5, timeScale: 1, behaviour: () => behaviour }),
      resources: () => ({ cpuPercent: 50, ramUsedBytes: 1, ramTotalBytes: 2, vramUsedBytes: null, vramTotalBytes: null }),
      tell: (item) => news.push(item),
    },
  );
  const hear = (text: string) => sidecar.received(Buffer.from(text));
  sidecar.opened({ send: (text) => sent.push(text), cut: () => undefined });
  hear('{"type":"identified","agent_id":"a-0"}');
  hear('{"type":"task_assign","task_id":"task-1","generation":1}');
  news.length = 0;
  sent.length = 0;
  return { sidecar, news, sent, hear };
}

/** Text, since an object literal of JavaScript could not say it: its conversion to a string or a number throws. */
const HOSTILE = '{"toString":1,"valueOf":1}';

test.each([
  ["no JSON", "{not json", "a frame that is no JSON object with a type"],
  ["no object", "[]", "a frame that is no JSON object with a type"],
  ["an ack without a task", '{"type":"task_ack","status":"complete"}', "task_ack without a usable task_id"],
  ["an ack whose task is a number", '{"type":"task_ack","task_id":5,"status":"complete"}', "task_ack without a usable task_id"],
  [
    "an ack whose task converts to nothing",
    `{"type":"task_ack","task_id":${HOSTILE},"status":"complete"}`,
    "task_ack without a usable task_id",
  ],
  [
    "an ack whose status converts to nothing",
    `{"type":"task_ack","task_id":"task-9","status":${HOSTILE}}`,
    "task_ack with an unknown status",
  ],
  [
    "a generation in quotes",
    '{"type":"task_assign","task_id":"task-9","generation":"3"}',
    "task_assign without a usable generation",
  ],
  ["no generation", '{"type":"task_assign","task_id":"task-9","generation":null}', "task_assign without a usable generation"],
  [
    "a generation below zero",
    '{"type":"task_assign","task_id":"task-9","generation":-1}',
    "task_assign without a usable generation",
  ],
  ["a verdict on no task", '{"type":"state_report_ack","action":"abort"}', "state_report_ack without a usable task_id"],
])("%s is a fault of the hub: it is told, and nothing else happens", (_, text, what) => {
  const { sidecar, news, sent, hear } = sidecarAtWork();
  hear(text);
  expect(news).toEqual([{ type: "protocol_fault", what }]);
  expect(sent).toEqual([]);
  expect(sidecar.busy).toBe(true);
});

test("fields that convert to nothing, where their values hardly matter, are left out", () => {
  const { news, hear } = sidecarAtWork();
  hear(`{"type":"error","error":${HOSTILE}}`);
  hear(`{"type":"rate_limited","retry_after_ms":${HOSTILE}}`);
  hear(`{"type":"task_assign","task_id":"task-1","generation":1,"assigned_at":${HOSTILE}}`);
  expect(news).toMatchObject([
    { type: "error", error: "an error without a text" },
    { type: "rate_limited", retryAfterMs: 0 },
    { type: "assigned", taskId: "task-1" },
    { type: "accepted_sent" },
  ]);
});
