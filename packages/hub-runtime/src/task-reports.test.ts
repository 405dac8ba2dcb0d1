import { draftOf, newTask, routeTask, transition } from "@hubscale/hub-core";
import { LIMITS, type Task } from "@hubscale/protocol";
import { expect, test } from "vitest";
import { HubMetrics } from "./hub-metrics.ts";
import { Refused, type ReportOutcome, type TaskDesk, Unavailable } from "./ports.ts";
import { LocalRoster } from "./roster.ts";
import { TaskReports } from "./task-reports.ts";
import { ManualClock } from "./testing/manual-clock.ts";
import { lineAgent } from "./testing/recording-line.ts";

const RETRY_AFTER_MS = 500;
const AWAY = new Unavailable("away", RETRY_AFTER_MS);
const REFUSED = new Refused("payload_too_large", "not this", 10);
const COMPLETION = { type: "task_complete", task_id: "t1", generation: 1, result: {} } as const;

/** An agent with a task at a desk that answers like this, one after the other. */
function start(...answers: (ReportOutcome | Error)[]) {
  const clock = new ManualClock();
  const broken: unknown[] = [];
  const notified: string[] = [];
  const desk = {
    report: async () => {
      const answer = answers.shift();
      if (answer === undefined) throw new Error("asked once too often");
      if (answer instanceof Error) throw answer;
      return answer;
    },
    notify: (event: { type: string }) => notified.push(event.type),
  } as unknown as TaskDesk;
  const roster = new LocalRoster({
    clock,
    behaviour: { warts: false, presence: "digest" },
    notify: () => undefined,
    reclaim: () => Promise.resolve(true),
    onAssigned: () => undefined,
  });
  const onBroken = (error: unknown) => broken.push(error);
  const metrics = new HubMetrics(clock);
  const reports = new TaskReports({ clock, tasks: desk, roster, metrics, documentBytes: LIMITS.documentBytes, onBroken });
  const { agent, line } = lineAgent("a", 0);
  roster.join(agent);
  roster.assign("a", assigned());
  line.takeTypes();
  return { agent, broken, clock, line, notified, reports, roster };
}

function assigned(): Task {
  const queued = newTask("t1", draftOf({ description: "x" }, "s"), 0);
  const routed = transition(queued, { type: "route", decision: routeTask(queued, [], 0) }, 0);
  const next = routed.ok && routed.task && transition(routed.task, { type: "assign", agentId: "a" }, 0);
  if (!next || !next.ok || !next.task) throw new Error("the task could not be assigned");
  return next.task;
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("a report that the store does not take is refused in words, and the agent is free", async () => {
  const { agent, line, notified, reports, roster } = start(REFUSED);
  await reports.handle(agent, COMPLETION);
  expect(line.sent.splice(0)).toEqual([{ type: "error", error: "task_complete_failed: payload_too_large" }]);
  expect(notified).toEqual(["agent_idle"]);
  expect(roster.isReady("a")).toBe(true);
});

test("one that was kept while the store was away, and is refused when it is back, ends no hub", async () => {
  const { agent, broken, clock, line, reports, roster } = start(AWAY, REFUSED);
  await reports.handle(agent, COMPLETION);
  expect(line.sent.splice(0)).toEqual([]);
  clock.advance(RETRY_AFTER_MS);
  await settled();
  expect(broken).toEqual([]);
  expect(line.sent.splice(0)).toEqual([{ type: "error", error: "task_complete_failed: payload_too_large" }]);
  expect(roster.isReady("a")).toBe(true);
});

test("an agent whose state the store does not take is told to drop its task", async () => {
  const { agent, line, reports } = start(REFUSED);
  await reports.handle(agent, { type: "state_report", task_id: "t1", generation: 1, status: "working" });
  expect(line.sent.splice(0)).toEqual([{ type: "state_report_ack", task_id: "t1", action: "abort" }]);
});
