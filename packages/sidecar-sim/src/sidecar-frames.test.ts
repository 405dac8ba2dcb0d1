import { expect, test } from "vitest";
import {
  acceptedFrame,
  completeFrame,
  failedFrame,
  failedResultFrame,
  identifyFrame,
  PING,
  plainId,
  progressFrame,
  recoveringFrame,
  rejectedFrame,
  resourceReportFrame,
  stateReportFrame,
} from "./sidecar-frames.ts";

const taskId = "task-9817138288bc6bdf";
const token = "a".repeat(64);

// Byte counts of the recorded sidecar's own frames, for the same values; its id (shown as another in the recording) had four characters.
test.each([
  ["identify", 249, identifyFrame({ agentId: "ag-1", token, capabilities: ["code"], ollamaUrl: "http://127.0.0.1:11434" })],
  ["task_accepted", 79, acceptedFrame(taskId)],
  ["ping", 36, PING],
  [
    "task_complete",
    862,
    completeFrame({
      taskId,
      generation: 1,
      endedMs: 1795462366569,
      workMs: 1011.2,
      tokensOut: 0,
      output: String.raw`hello\ndone\n`,
    }),
  ],
  [
    "task_complete that failed",
    427,
    failedResultFrame({ taskId, generation: 1, endedMs: 1795462366569, workMs: 1, tokensOut: 0, output: "" }),
  ],
  [
    "resource_report",
    212,
    resourceReportFrame("ag-1", { cpuPercent: 25, ramUsedBytes: 781205504, ramTotalBytes: 25276502016 }, 1795462369144),
  ],
])("%s is as long as recorded", (_type, bytes, text) => expect(Buffer.byteLength(text)).toBe(bytes));

test.each([
  progressFrame(taskId, "some words ", 12, "m", 5),
  failedFrame({ taskId, generation: 3, endedMs: 5, workMs: 2, tokensOut: 0, output: "" }),
  rejectedFrame(taskId),
  recoveringFrame(taskId),
  stateReportFrame({ taskId, generation: 3, assignedAtMs: 7 }),
])("%s is JSON of the wire", (text) => {
  expect(JSON.parse(text)).toMatchObject({ task_id: taskId, protocol_version: 1 });
});

test.each([
  ["task-1", true],
  ["a.b:c_d-1", true],
  ['task"1', false],
  ["task\\1", false],
  ["", false],
])("plainId(%j)", (id, plain) => expect(plainId(id)).toBe(plain));
