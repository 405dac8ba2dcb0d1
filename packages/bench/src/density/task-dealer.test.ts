import { acceptedFrame, completeFrame, plainSuccess } from "@hubscale/sidecar-sim";
import { expect, test } from "vitest";
import { TaskDealer } from "./task-dealer.ts";

interface Assignment {
  task_id: string;
  generation: number;
  description: string;
}

/** An agent that is identified and has its first task. */
function agentAtWork(agent = 3) {
  const sent: Record<string, unknown>[] = [];
  const dealer = new TaskDealer(agent, (text) => sent.push(JSON.parse(text)));
  dealer.received('{"type":"identify","agent_id":"dense"}');
  return { dealer, sent, task: () => sent.at(-1) as unknown as Assignment };
}

const complete = ({ task_id: taskId, generation }: Assignment) =>
  completeFrame({ taskId, generation, endedMs: 5, result: plainSuccess("", 100) });

test("hands out one task after the other, each with an id of its own, and acknowledges both answers", () => {
  const { dealer, sent, task } = agentAtWork();
  const first = task();
  dealer.received(acceptedFrame(first.task_id));
  dealer.received(complete(first));
  expect(sent.map(({ type, status }) => status ?? type)).toEqual([
    "identified",
    "task_assign",
    "accepted",
    "complete",
    "task_assign",
  ]);
  expect(first.description).toHaveLength(200);
  expect(task().task_id).not.toBe(first.task_id);
  expect(task().generation).not.toBe(first.generation);
  expect(agentAtWork(4).task().task_id).not.toBe(first.task_id);
});

test.each<[string, (task: Assignment) => string]>([
  ["another task's id", () => acceptedFrame("task-1")],
  ["a completion before it was accepted", complete],
])("refuses in place of an acceptance: %s", (_, answer) => {
  const { dealer, task } = agentAtWork();
  expect(() => dealer.received(answer(task()))).toThrow("agent 3");
});

test.each<[string, (task: Assignment) => string]>([
  ["another task's id", (task) => complete({ ...task, task_id: "task-1" })],
  ["another generation", (task) => complete({ ...task, generation: task.generation + 1 })],
  ["a generation that is text", (task) => complete(task).replace(/"generation":(\d)/, '"generation":"$1"')],
  ["a failure", (task) => complete(task).replace('"status":"success"', '"status":"failed"')],
  ["no report", (task) => JSON.stringify({ ...JSON.parse(complete(task)), verification_report: null })],
  ["a second acceptance", (task) => acceptedFrame(task.task_id)],
])("refuses in place of a completion: %s", (_, answer) => {
  const { dealer, task } = agentAtWork();
  const first = task();
  dealer.received(acceptedFrame(first.task_id));
  expect(() => dealer.received(answer(first))).toThrow("agent 3");
});
