import { expect, test } from "vitest";
import { isPong, isPresence, readFrame } from "./hub-frame-reader.ts";

const agent = { agent_id: "bob", capabilities: ["code"], connected_at: 1, name: "bob", status: "idle" };

test.each([
  { agent, type: "agent_joined" },
  { type: "agent_joined", agent },
  { agent, type: "status_changed" },
  { type: "status_changed", agent },
  { agent_id: "bob", type: "agent_left" },
  { type: "agent_left", agent_id: "bob" },
])("sees presence in %j", (frame) => expect(isPresence(Buffer.from(JSON.stringify(frame)))).toBe(true));

test.each([
  { agent_id: "bob", type: "identified" },
  { type: "identified", agent_id: "bob" },
  { agents: [agent], type: "agents" },
  { status: "accepted", task_id: "task-1", type: "task_ack" },
  { type: "task_assign", task_id: "task-1", metadata: { type: "agent_joined" } },
  { from: "bob", payload: { type: "agent_left" }, type: "message" },
])("does not take %j for presence", (frame) => expect(isPresence(Buffer.from(JSON.stringify(frame)))).toBe(false));

test("sees a pong by its ending", () => {
  expect(isPong(Buffer.from('{"timestamp":1,"type":"pong"}'))).toBe(true);
  expect(isPong(Buffer.from('{"type":"pong"}'))).toBe(true);
});

test.each([
  { type: "pong", timestamp: 1 },
  { message: { type: "pong" }, type: "message" },
  { type: "message", message: { type: "pong" } },
  { text: '"type":"pong"}' },
  { status: "accepted", type: "task_ack" },
])("leaves %j to the reader", (frame) => expect(isPong(Buffer.from(JSON.stringify(frame)))).toBe(false));

test("reads the frame's own type, whatever is nested in it", () => {
  const frame = readFrame('{"metadata":{"type":"pong"},"task_id":"task-1","type":"task_assign"}');
  expect(frame).toMatchObject({ type: "task_assign", task_id: "task-1" });
});

test.each(["", "not json", "[]", "null", "7", '{"task_id":"x"}', '{"type":7}'])("%s is not a frame", (text) =>
  expect(readFrame(text)).toBeUndefined(),
);
