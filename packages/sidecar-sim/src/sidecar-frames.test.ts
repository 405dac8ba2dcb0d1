import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  acceptedFrame,
  completeFrame,
  eventFrame,
  failedFrame,
  failedResultFrame,
  identifyFrame,
  PING,
  plainId,
  recoveringFrame,
  rejectedFrame,
  resourceReportFrame,
  stateReportFrame,
  tokenFrame,
} from "./sidecar-frames.ts";
import { plainSuccess, type TaskResult } from "./task-executor.ts";

const taskId = "task-9817138288bc6bdf";
const token = "a".repeat(64);

/** The frames of the real sidecar. Its token is blotted out in them, and its id, of four characters, shown as another of seven. */
const recorded = readFileSync(new URL("../../hub-runtime/fixtures/traces.jsonl", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line))
  .filter((line) => line.connection === "sidecar" && line.direction === "in")
  .map((line) => {
    const text = JSON.stringify(line.frame).replaceAll("agent-1", "ag-1").replace("<64 hex>", token);
    return { type: line.frame.type as string, bytes: line.bytes as number, text, frame: JSON.parse(text) };
  });

/** What this sidecar would have sent in its place. */
function ours(frame: any): string {
  switch (frame.type) {
    case "identify":
      return identifyFrame({ agentId: frame.agent_id, token, capabilities: frame.capabilities, ollamaUrl: frame.ollama_url });
    case "ping":
      return PING;
    case "task_accepted":
      return acceptedFrame(frame.task_id);
    case "task_progress": {
      const { event_type, text, timestamp } = frame.execution_event;
      return eventFrame(frame.task_id, event_type, text, timestamp);
    }
    case "resource_report":
      return resourceReportFrame(
        frame.agent_id,
        {
          cpuPercent: frame.cpu_percent,
          ramUsedBytes: frame.ram_used_bytes,
          ramTotalBytes: frame.ram_total_bytes,
          vramUsedBytes: frame.vram_used_bytes,
          vramTotalBytes: frame.vram_total_bytes,
        },
        frame.timestamp,
      );
    case "task_complete": {
      const { status, output, model_used, execution_ms } = frame.result;
      const result: TaskResult = { ...plainSuccess(output, execution_ms + 0.2), modelUsed: model_used };
      const report = {
        taskId: frame.task_id,
        generation: frame.generation,
        endedMs: frame.verification_report?.started_at ?? 0,
      };
      if (status === "success") return completeFrame({ ...report, result });
      return failedResultFrame({ ...report, result: { ...result, outcome: "failed_result", error: "as recorded" } });
    }
    default:
      throw new Error(`no frame of ours for ${frame.type}`);
  }
}

test("the recording has every kind of frame that a sidecar sends unasked", () => {
  const types = new Set(recorded.map(({ type }) => type));
  expect([...types].sort()).toEqual(
    ["identify", "ping", "resource_report", "task_accepted", "task_complete", "task_progress"].sort(),
  );
  expect(recorded.length).toBeGreaterThan(20);
});

test.each(recorded)("$type is the recorded one, byte for byte ($bytes bytes)", ({ bytes, text, frame }) => {
  expect(ours(frame)).toBe(text);
  expect(Buffer.byteLength(text)).toBe(bytes);
});

test.each([
  tokenFrame(taskId, 'some "words"\n', 12, "m", 5),
  eventFrame(taskId, "stdout", "a\\b\u2014", 5),
  failedFrame({ taskId, generation: 3, endedMs: 5, result: { ...plainSuccess("", 2), outcome: "failed", error: 'no "way"' } }),
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
