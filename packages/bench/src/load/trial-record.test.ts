import type { SidecarEvent } from "@hubscale/sidecar-sim";
import { expect, test } from "vitest";
import type { HistoryEvent } from "./history-check.ts";
import { TrialRecord } from "./trial-record.ts";

const shape = { warmupMs: 100, durationMs: 1_000, graceMs: 50 };
const taskOf = (taskId: string) => ({ ok: true, taskId }) as const;

function at(
  atMs: number,
  event: { type: "assigned" | "outcome_acked"; taskId: string; status?: "complete" | "retried" | "dead_letter" },
) {
  return { agent: 0, atMs, generation: 1, status: "complete", ...event } as SidecarEvent;
}

/** Warm-up from 0 to 100, window from 100 to 1,100. */
const newRecord = () => new TrialRecord(shape, 0, () => undefined);

test("latencies count from the intended time, service times from the sending, of the window's tasks only", () => {
  const record = newRecord();
  const early = record.sent(50, 50);
  const measured = record.sent(200, 210);
  record.answered(early, taskOf("w"), 60);
  record.answered(measured, taskOf("m"), 215);
  record.heard(at(70, { type: "assigned", taskId: "w" }));
  record.heard(at(220, { type: "assigned", taskId: "m" }));
  record.heard(at(230, { type: "outcome_acked", taskId: "m" }));
  expect(record.latency().submit.count).toBe(1);
  expect(record.latency().submit.ms.max).toBeCloseTo(15, 1);
  expect(record.latency().assign.ms.max).toBeCloseTo(20, 1);
  expect(record.latency().complete.ms.max).toBeCloseTo(30, 1);
  expect(record.service().complete.ms.max).toBeCloseTo(20, 1);
  expect(record.window).toMatchObject({ offered: 1, acknowledged: 1, assigned: 1, completed: 1, completedInTime: 1 });
  expect(record.whole).toMatchObject({ offered: 2, acknowledged: 2, assigned: 2, completed: 1 });
  expect(record.open).toBe(1);
});

test("an assignment and a completion that overtake the 201 are booked at their own times", () => {
  const record = newRecord();
  const sent = record.sent(200, 200);
  record.heard(at(203, { type: "assigned", taskId: "x" }));
  expect(record.heard(at(204, { type: "outcome_acked", taskId: "x" }))).toBe(false);
  expect(record.answered(sent, taskOf("x"), 209)).toBe(true);
  expect(record.latency().assign.ms.max).toBeCloseTo(3, 1);
  expect(record.latency().complete.ms.max).toBeCloseTo(4, 1);
  expect(record.latency().submit.ms.max).toBeCloseTo(9, 1);
  expect(record.open).toBe(0);
});

test("in time means before the window's end and the grace; the last end is remembered", () => {
  const record = newRecord();
  record.answered(record.sent(1_000, 1_000), taskOf("a"), 1_001);
  record.answered(record.sent(1_000, 1_000), taskOf("b"), 1_001);
  record.heard(at(1_149, { type: "outcome_acked", taskId: "a" }));
  record.heard(at(1_151, { type: "outcome_acked", taskId: "b" }));
  expect(record.window).toMatchObject({ completed: 2, completedInTime: 1 });
  expect(record.inWindow.completed).toBe(0);
  expect(record.lastEndMs).toBe(1_151);
});

test("refusals and silences are counted by kind and close the submission; a retry does not end a task", () => {
  const record = newRecord();
  record.answered(record.sent(200, 200), { ok: false, answer: 429 }, 201);
  record.answered(record.sent(200, 200), { ok: false, error: "ECONNRESET" }, 201);
  record.answered(record.sent(200, 200), taskOf("a"), 201);
  record.heard(at(210, { type: "outcome_acked", taskId: "a", status: "retried" }));
  expect(record.window).toMatchObject({ refused: { 429: 1 }, failed: { ECONNRESET: 1 }, acknowledged: 1 });
  expect(record.open).toBe(1);
  record.heard(at(220, { type: "outcome_acked", taskId: "a", status: "dead_letter" }));
  expect(record.open).toBe(0);
  expect(record.window.deadLettered).toBe(1);
});

test("a second assignment or a second end changes neither counts nor latencies", () => {
  const record = newRecord();
  record.answered(record.sent(200, 200), taskOf("a"), 201);
  for (const ms of [210, 500]) {
    record.heard(at(ms, { type: "assigned", taskId: "a" }));
    record.heard(at(ms + 1, { type: "outcome_acked", taskId: "a" }));
  }
  expect(record.window).toMatchObject({ assigned: 1, completed: 1 });
  expect(record.latency().assign.ms.max).toBeCloseTo(10, 1);
});

test("a submission that is given the id of another has nothing to wait for; an ack that nobody waited for ends nothing", () => {
  const record = newRecord();
  record.answered(record.sent(200, 200), taskOf("a"), 201);
  expect(record.answered(record.sent(200, 200), taskOf("a"), 202)).toBe(true);
  expect(record.open).toBe(1);
  expect(record.heard({ agent: 0, atMs: 203, type: "outcome_acked", taskId: "a", generation: null, status: "complete" })).toBe(
    false,
  );
  expect(record.open).toBe(1);
  expect(record.heard(at(204, { type: "outcome_acked", taskId: "a" }))).toBe(true);
  expect(record.open).toBe(0);
});

test("a 201 that names no task is no acknowledgement, and a fault of the hub", () => {
  const noted: HistoryEvent[] = [];
  const record = new TrialRecord(shape, 0, (event) => noted.push(event));
  const error = "201 without a usable task_id";
  record.answered(record.sent(200, 200), { ok: false, error, isProtocolFault: true }, 201);
  expect(record.open).toBe(0);
  expect(record.window).toMatchObject({ acknowledged: 0, failed: { [error]: 1 } });
  expect(noted).toEqual([{ type: "submitted" }, { type: "protocol_fault", what: error }]);
});
