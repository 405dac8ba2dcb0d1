import { draftOf, newTask, routeTask, transition } from "@hubscale/hub-core";
import type { Task } from "@hubscale/protocol";
import { beforeEach, describe, expect, test } from "vitest";
import type { RosterEvent } from "./ports.ts";
import { LocalRoster } from "./roster.ts";
import { ManualClock } from "./testing/manual-clock.ts";
import { lineAgent } from "./testing/recording-line.ts";

let clock: ManualClock;
let events: RosterEvent[];
let reclaimed: string[];
let canReclaim: boolean;
let roster: LocalRoster;

function start(warts: boolean): void {
  clock = new ManualClock();
  events = [];
  reclaimed = [];
  canReclaim = true;
  roster = new LocalRoster({
    clock,
    behaviour: { warts, presence: "digest" },
    notify: (event) => events.push(event),
    reclaim: async (taskId) => {
      if (canReclaim) reclaimed.push(taskId);
      return canReclaim;
    },
    onAssigned: () => undefined,
  });
}

function assignedTask(id: string, agentId: string): Task {
  const queued = newTask(id, draftOf({ description: "x" }, "s"), clock.nowMs());
  const routed = transition(queued, { type: "route", decision: routeTask(queued, [], 0) }, 0);
  const assigned = routed.ok && routed.task && transition(routed.task, { type: "assign", agentId }, clock.nowMs());
  if (!assigned || !assigned.ok || !assigned.task) throw new Error("the task could not be assigned");
  return assigned.task;
}

function join(agentId: string) {
  const joined = lineAgent(agentId, clock.nowMs());
  roster.join(joined.agent);
  return joined;
}

const idleIds = () => [...roster.idleAgents()].map(({ agentId }) => agentId);
const timeout = async (ms: number) => {
  clock.advance(ms);
  await Promise.resolve();
  await Promise.resolve();
};

describe("a roster without warts", () => {
  beforeEach(() => start(false));

  test("hands an agent one task", () => {
    const { line } = join("a");
    expect(roster.assign("a", assignedTask("t1", "a"))).toBe(true);
    expect(line.takeTypes()).toEqual(["task_assign"]);
    expect(roster.assign("a", assignedTask("t2", "a"))).toBe(false);
    expect(line.takeTypes()).toEqual([]);
    expect(roster.get("a")).toMatchObject({ state: "assigned", taskId: "t1" });
    expect(roster.assign("nobody", assignedTask("t2", "nobody"))).toBe(false);
  });

  test("lists the longest idle agent first", () => {
    const { agent } = join("a");
    join("b");
    expect(idleIds()).toEqual(["a", "b"]);
    roster.assign("a", assignedTask("t1", "a"));
    roster.accepted(agent, "t1");
    expect(agent.state).toBe("working");
    expect(roster.finished(agent, "t1")).toBe(true);
    expect(idleIds()).toEqual(["b", "a"]);
    expect(roster.finished(agent, "t1")).toBe(false);
  });

  test("takes a task back that is not accepted in time, and leaves the agent alone until it is heard from", async () => {
    const { agent } = join("a");
    roster.assign("a", assignedTask("t1", "a"));
    await timeout(59_999);
    expect(reclaimed).toEqual([]);
    await timeout(1);
    expect(reclaimed).toEqual(["t1"]);
    expect(agent).toMatchObject({ state: "idle", taskId: null });
    expect(idleIds()).toEqual([]);
    roster.heardFrom(agent);
    expect(idleIds()).toEqual(["a"]);
    expect(events).toEqual([{ type: "agent_idle", agentId: "a" }]);
  });

  test("tries again when the store could not take the task back", async () => {
    const { agent } = join("a");
    roster.assign("a", assignedTask("t1", "a"));
    canReclaim = false;
    await timeout(60_000);
    expect(agent.state).toBe("assigned");
    canReclaim = true;
    await timeout(5_000);
    expect(reclaimed).toEqual(["t1"]);
  });

  test("has no timeout for an accepted task", async () => {
    const { agent } = join("a");
    roster.assign("a", assignedTask("t1", "a"));
    roster.accepted(agent, "t1");
    await timeout(120_000);
    expect(reclaimed).toEqual([]);
  });

  test("passes a limited agent over for a time", () => {
    const { agent } = join("a");
    roster.passOver(agent, 60_000);
    clock.advance(30_000);
    roster.passOver(agent, 60_000);
    clock.advance(59_999);
    expect(idleIds()).toEqual([]);
    expect(events).toEqual([]);
    clock.advance(1);
    expect(idleIds()).toEqual(["a"]);
    expect(events).toEqual([{ type: "agent_idle", agentId: "a" }]);
  });

  test("a second connection takes the first one's place", () => {
    const first = join("a");
    roster.assign("a", assignedTask("t1", "a"));
    const second = join("a");
    expect(first.line.closedWith).toBe(4001);
    expect(events).toEqual([{ type: "agent_left", agentId: "a" }]);
    expect(roster.get("a")).toBe(second.agent);
    expect(roster.leave(first.agent)).toBe(false);
    expect(idleIds()).toEqual(["a"]);
  });

  test("is not moved by what a replaced connection still does", async () => {
    const first = join("a");
    roster.assign("a", assignedTask("t1", "a"));
    await timeout(60_000);
    expect(first.agent.isUnresponsive).toBe(true);
    const second = join("a");
    expect([roster.isPresent(first.agent), roster.isPresent(second.agent)]).toEqual([false, true]);
    roster.heardFrom(first.agent);
    roster.passOver(first.agent, 1_000);
    roster.rejected(first.agent, "t1", 1_000);
    roster.resumed(first.agent, "t1");
    expect(idleIds()).toEqual(["a"]);
    expect(roster.assign("a", assignedTask("t2", "a"))).toBe(true);
    expect(second.line.takeTypes()).toEqual(["task_assign"]);
  });

  test("lets an agent go on with its task after a reconnect", () => {
    const { agent } = join("a");
    roster.resumed(agent, "t1");
    expect(agent).toMatchObject({ state: "working", taskId: "t1" });
    expect(idleIds()).toEqual([]);
  });

  test("releases only the task that the agent holds", () => {
    const { agent, line } = join("a");
    roster.assign("a", assignedTask("t1", "a"));
    line.takeTypes();
    roster.release("a", "t2");
    expect(agent.state).toBe("assigned");
    roster.release("a", "t1");
    expect(agent.state).toBe("idle");
    expect(line.takeTypes()).toEqual(["task_cancelled"]);
    expect(events).toEqual([{ type: "agent_idle", agentId: "a" }]);
  });

  test("hands out nothing once it drains, and reports nobody as lost", () => {
    const { agent } = join("a");
    roster.drain();
    expect(idleIds()).toEqual([]);
    expect(roster.assign("a", assignedTask("t1", "a"))).toBe(false);
    roster.leave(agent);
    expect(events).toEqual([]);
  });
});

describe("a roster with the reference's warts", () => {
  beforeEach(() => start(true));

  test("can hand one agent two tasks, of which it holds the first", () => {
    const { agent, line } = join("a");
    expect(roster.assign("a", assignedTask("t1", "a"))).toBe(true);
    expect(roster.assign("a", assignedTask("t2", "a"))).toBe(true);
    expect(line.takeTypes()).toEqual(["task_assign", "task_assign"]);
    clock.advance(0);
    expect(agent).toMatchObject({ state: "assigned", taskId: "t1" });
    expect(idleIds()).toEqual([]);
  });

  test("shows a state only after the first transition", () => {
    const { agent } = join("a");
    expect(roster.shownState(agent)).toBe("unknown");
    roster.assign("a", assignedTask("t1", "a"));
    clock.advance(0);
    expect(roster.shownState(agent)).toBe("assigned");
  });
});
