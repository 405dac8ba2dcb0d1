import { expect, test } from "vitest";
import { checkHistory, type HistoryEvent } from "./history-check.ts";

const submitted: HistoryEvent = { type: "submitted" };
const acknowledged = (taskId: string): HistoryEvent => ({ type: "acknowledged", taskId });
const assigned = (taskId: string, generation: number, agent: number): HistoryEvent => ({
  type: "assigned",
  taskId,
  generation,
  agent,
});
const sent = (taskId: string, generation: number, agent: number): HistoryEvent => ({
  type: "outcome_sent",
  taskId,
  generation,
  agent,
});
const acked = (
  taskId: string,
  generation: number | null,
  status: "complete" | "retried" | "dead_letter" = "complete",
): HistoryEvent => ({ type: "outcome_acked", taskId, generation, status });
const refused = (taskId: string, generation: number): HistoryEvent => ({
  type: "outcome_refused",
  taskId,
  generation,
  error: "task_complete_failed: stale_generation",
});
const lookedUp = (taskId: string, status: "queued" | "assigned" | "completed" | "dead_letter" | "absent"): HistoryEvent => ({
  type: "looked_up",
  taskId,
  status,
});
const done = (taskId: string): HistoryEvent[] => [
  submitted,
  acknowledged(taskId),
  assigned(taskId, 1, 0),
  sent(taskId, 1, 0),
  acked(taskId, 1),
];

test("a task that goes its way is clean, also when everything overtakes its 201", () => {
  const verdict = checkHistory([
    ...done("a"),
    submitted,
    assigned("b", 1, 1),
    sent("b", 1, 1),
    acked("b", 1),
    acknowledged("b"),
  ]);
  expect(verdict).toMatchObject({ submitted: 2, acknowledged: 2, completed: 2, lost: 0, unfinished: 0, clean: true });
});

test("a failed task that is retried and completed elsewhere is clean", () => {
  const verdict = checkHistory([
    submitted,
    acknowledged("a"),
    assigned("a", 1, 0),
    sent("a", 1, 0),
    acked("a", 1, "retried"),
    assigned("a", 3, 1),
    sent("a", 3, 1),
    acked("a", 3),
  ]);
  expect(verdict).toMatchObject({ completed: 1, clean: true });
});

test("the retry of a failure may reach another agent before the failure's own ack arrives", () => {
  const events = [
    submitted,
    acknowledged("a"),
    assigned("a", 1, 0),
    sent("a", 1, 0),
    assigned("a", 3, 1),
    acked("a", 1, "retried"),
    sent("a", 3, 1),
    acked("a", 3),
  ];
  expect(checkHistory(events)).toMatchObject({ completed: 1, staleAccepted: 0, clean: true });
});

test("a failure that was overtaken when it was handed in, and is accepted, is caught", () => {
  const events = [
    submitted,
    acknowledged("a"),
    assigned("a", 1, 0),
    assigned("a", 3, 1),
    sent("a", 1, 0),
    acked("a", 1, "retried"),
  ];
  expect(checkHistory(events)).toMatchObject({ staleAccepted: 1, clean: false });
});

test("a dead letter is an end", () => {
  const verdict = checkHistory([
    submitted,
    acknowledged("a"),
    assigned("a", 1, 0),
    sent("a", 1, 0),
    acked("a", 1, "dead_letter"),
  ]);
  expect(verdict).toMatchObject({ completed: 0, deadLettered: 1, unfinished: 0, clean: true });
});

test("an overtaken completion that the hub refuses is fencing at work", () => {
  const verdict = checkHistory([
    submitted,
    acknowledged("a"),
    assigned("a", 1, 0),
    assigned("a", 3, 1),
    sent("a", 1, 0),
    refused("a", 1),
    sent("a", 3, 1),
    acked("a", 3),
  ]);
  expect(verdict).toMatchObject({ completed: 1, refusals: 1, staleAccepted: 0, clean: true });
});

test("an overtaken completion that the hub accepts is caught", () => {
  const verdict = checkHistory([
    submitted,
    acknowledged("a"),
    assigned("a", 1, 0),
    assigned("a", 3, 1),
    sent("a", 1, 0),
    acked("a", 1),
  ]);
  expect(verdict).toMatchObject({ staleAccepted: 1, clean: false, offenders: { staleAccepted: ["a"] } });
});

test("a task that the hub no longer knows is lost", () => {
  const verdict = checkHistory([submitted, acknowledged("a"), ...done("b"), lookedUp("a", "absent")]);
  expect(verdict).toMatchObject({ lost: 1, completed: 1, clean: false, offenders: { lost: ["a"] } });
});

test("a task that the hub calls completed though no agent completed it is lost", () => {
  const verdict = checkHistory([submitted, acknowledged("a"), assigned("a", 1, 0), lookedUp("a", "completed")]);
  expect(verdict).toMatchObject({ lost: 1, clean: false });
});

test("a completion whose ack got lost is none the less a completion", () => {
  const verdict = checkHistory([
    submitted,
    acknowledged("a"),
    assigned("a", 1, 0),
    sent("a", 1, 0),
    lookedUp("a", "completed"),
  ]);
  expect(verdict).toMatchObject({ completed: 1, lost: 0, clean: true });
});

test.each(["queued", "assigned"] as const)("a task still %s at the end is unfinished, not lost", (status) => {
  const verdict = checkHistory([submitted, acknowledged("a"), lookedUp("a", status)]);
  expect(verdict).toMatchObject({ unfinished: 1, lost: 0, clean: true, offenders: { unfinished: ["a"] } });
});

test("two accepted completions of one task are caught", () => {
  expect(checkHistory([...done("a"), acked("a", 1)])).toMatchObject({ duplicated: 1, completed: 1, clean: false });
});

test("an ack that nobody waited for counts as a second completion", () => {
  expect(checkHistory([...done("a"), acked("a", null)])).toMatchObject({ duplicated: 1, clean: false });
});

test("a task handed out again after its completion was acknowledged is caught", () => {
  expect(checkHistory([...done("a"), assigned("a", 3, 1)])).toMatchObject({ duplicated: 1, clean: false });
});

test("completed and dead-lettered is once too often", () => {
  expect(checkHistory([...done("a"), acked("a", 1, "dead_letter")])).toMatchObject({ duplicated: 1 });
});

test("two agents with one generation, or one agent with a lower after a higher, are caught", () => {
  const verdict = checkHistory([
    submitted,
    acknowledged("a"),
    assigned("a", 1, 0),
    assigned("a", 1, 1),
    submitted,
    acknowledged("b"),
    assigned("b", 3, 0),
    assigned("b", 1, 0),
  ]);
  expect(verdict).toMatchObject({ generationFaults: 2, clean: false, offenders: { generationFaults: ["a", "b"] } });
});

test("a lower generation read late from another agent's connection is no fault, unless its completion is honoured", () => {
  const late = [submitted, acknowledged("a"), assigned("a", 3, 1), assigned("a", 1, 0), sent("a", 1, 0)];
  expect(checkHistory([...late, refused("a", 1), sent("a", 3, 1), acked("a", 3)])).toMatchObject({ clean: true, completed: 1 });
  expect(checkHistory([...late, acked("a", 1)])).toMatchObject({ staleAccepted: 1, clean: false });
});

test("the same assignment sent again to the same agent is a redelivery", () => {
  const verdict = checkHistory([
    submitted,
    acknowledged("a"),
    assigned("a", 1, 0),
    assigned("a", 1, 0),
    sent("a", 1, 0),
    acked("a", 1),
  ]);
  expect(verdict).toMatchObject({ redeliveries: 1, generationFaults: 0, clean: true });
});

test("an executed task whose submission was never acknowledged is counted apart", () => {
  const verdict = checkHistory([submitted, assigned("x", 1, 0), sent("x", 1, 0), acked("x", 1)]);
  expect(verdict).toMatchObject({ submitted: 1, acknowledged: 0, completed: 0, executedUnacknowledged: 1, clean: true });
});

test("of many offenders only the first are named, all are counted", () => {
  const events = Array.from({ length: 50 }, (_, i) => [submitted, acknowledged(`t${i}`), lookedUp(`t${i}`, "absent")]).flat();
  const verdict = checkHistory(events);
  expect(verdict.lost).toBe(50);
  expect(verdict.offenders.lost).toHaveLength(20);
});
