import { expect, test } from "vitest";
import { checkHistory, type HistoryEvent, RunHistory } from "./history-check.ts";

const NO_SUBMITTER = "the hub does not know its submitter (token refused)";

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
  agent = 0,
): HistoryEvent => ({ type: "outcome_acked", taskId, generation, agent, status });
const refused = (taskId: string, generation: number): HistoryEvent => ({
  type: "outcome_refused",
  taskId,
  generation,
  agent: 0,
  error: "task_complete_failed: stale_generation",
});
type LookedUp = Extract<HistoryEvent, { type: "looked_up" }>;
const lookedUp = (taskId: string, status: LookedUp["status"], more: Partial<LookedUp> = {}): HistoryEvent => ({
  type: "looked_up",
  taskId,
  status,
  ...more,
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

test("two accepted completions of one task are caught: of two agents, or of one under two generations", () => {
  const other = [...done("a"), sent("a", 1, 1), acked("a", 1, "complete", 1)];
  expect(checkHistory(other)).toMatchObject({ duplicated: 1, completed: 1, clean: false });
  const again = [submitted, acknowledged("a"), sent("a", 1, 0), sent("a", 3, 0), acked("a", 1), acked("a", 3)];
  expect(checkHistory(again)).toMatchObject({ duplicated: 1, completed: 1, clean: false });
});

test("a second ack of one outcome is no second completion, but a fault of the hub", () => {
  const verdict = checkHistory([...done("a"), acked("a", null), acked("a", null)]);
  expect(verdict).toMatchObject({ completed: 1, duplicated: 0, clean: true });
  expect(verdict.protocolFaults).toEqual({ "a second task_ack of one outcome": 2 });
});

test("an ack of what was handed in before a reconnect, though nobody waits for it any more, is a completion", () => {
  const dropped = [submitted, acknowledged("a"), assigned("a", 1, 0), sent("a", 1, 0), acked("a", null)];
  expect(checkHistory(dropped)).toMatchObject({ completed: 1, clean: true, protocolFaults: {} });
  const elsewhere = [...dropped, assigned("a", 3, 1), sent("a", 3, 1), acked("a", 3, "complete", 1)];
  expect(checkHistory(elsewhere)).toMatchObject({ duplicated: 1, clean: false });
});

test("an ack of another agent's work is no completion, but a fault of the hub", () => {
  const verdict = checkHistory([
    submitted,
    acknowledged("a"),
    assigned("a", 1, 0),
    sent("a", 1, 0),
    acked("a", null, "complete", 1),
    lookedUp("a", "assigned"),
  ]);
  expect(verdict).toMatchObject({ completed: 0, unfinished: 1 });
  expect(verdict.protocolFaults).toEqual({ "task_ack of an outcome that was not handed in": 1 });
});

test("a refused outcome that is acked all the same is no completion", () => {
  const verdict = checkHistory([submitted, acknowledged("a"), sent("a", 1, 0), refused("a", 1), acked("a", null)]);
  expect(verdict).toMatchObject({ completed: 0, refusals: 1, unverified: 1 });
});

test("one id for two submissions: one of them has no task", () => {
  const verdict = checkHistory([...done("a"), submitted, acknowledged("a")]);
  expect(verdict).toMatchObject({ submitted: 2, acknowledged: 2, completed: 1, lost: 1, clean: false });
  expect(verdict).toMatchObject({
    lostBecause: { "another submission was given the same id": 1 },
    offenders: { lost: ["a"] },
  });
});

test("a task whose submitter the hub does not know any more is lost", () => {
  const verdict = checkHistory([submitted, acknowledged("a"), lookedUp("a", "token_refused")]);
  expect(verdict).toMatchObject({ lost: 1, clean: false, lostBecause: { [NO_SUBMITTER]: 1 } });
});

test("a task that the hub could not be asked about, or was not asked about, is neither lost nor clean", () => {
  const asked = checkHistory([submitted, acknowledged("a"), lookedUp("a", "unknown", { why: "HTTP 500" })]);
  expect(asked).toMatchObject({ lost: 0, unfinished: 0, unverified: 1, clean: false, unverifiedBecause: { "HTTP 500": 1 } });
  const notAsked = checkHistory([submitted, acknowledged("a")]);
  expect(notAsked).toMatchObject({ unverified: 1, clean: false, unverifiedBecause: { "not asked": 1 } });
});

test("the last thing that the hub could say of a task counts, and a loss stays one", () => {
  const gone = [submitted, acknowledged("a"), lookedUp("a", "queued"), lookedUp("a", "unknown")];
  expect(checkHistory(gone)).toMatchObject({ unfinished: 0, unverified: 1 });
  expect(checkHistory([submitted, acknowledged("a"), lookedUp("a", "absent"), lookedUp("a", "unknown")])).toMatchObject({
    lost: 1,
  });
  const late = [submitted, acknowledged("a"), lookedUp("a", "queued"), assigned("a", 1, 0), sent("a", 1, 0), acked("a", 1)];
  expect(checkHistory(late)).toMatchObject({ completed: 1, unfinished: 0, clean: true });
});

test("a task that an agent of somebody else has completed is completed", () => {
  expect(checkHistory([submitted, acknowledged("a"), lookedUp("a", "completed_by_another")])).toMatchObject({
    completed: 1,
    clean: true,
  });
});

test("a completion that was acknowledged, and that the hub calls open afterwards, is lost; a forgotten one is not", () => {
  const open = checkHistory([...done("a"), lookedUp("a", "assigned", { afterEnd: true })]);
  expect(open).toMatchObject({ lost: 1, completed: 0, clean: false });
  expect(checkHistory([...done("a"), lookedUp("a", "absent", { afterEnd: true })])).toMatchObject({
    completed: 1,
    clean: true,
  });
});

test("of open tasks all are named to be asked for, of completed ones the newest", () => {
  const history = new RunHistory();
  const events = [
    ...done("a"),
    ...done("b"),
    submitted,
    acknowledged("c"),
    submitted,
    acknowledged("d"),
    lookedUp("d", "queued"),
  ];
  for (const event of events) history.note(event);
  expect(history.openTasks()).toEqual(["c", "d"]);
  expect(history.newestCompleted(1)).toEqual(["b"]);
  expect(history.newestCompleted(5)).toEqual(["b", "a"]);
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
