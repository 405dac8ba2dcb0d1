/** The indexed scheduling against its definition, the full scan: same pairs in the same order. */
import { PRIORITY_NAMES, type Task, TIERS } from "@hubscale/protocol";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IdleAgents } from "./idle-agents.ts";
import { Lanes } from "./lanes.ts";
import { takePair } from "./pairing.ts";
import { routingClassOf } from "./routing-class.ts";
import { type EndpointView, routeTask } from "./routing.ts";
import { hostOf, type IdleAgent, isQualified, schedule } from "./scheduling.ts";
import { draftOf } from "./task-draft.ts";
import { byDequeueOrder, newTask } from "./task-transition.ts";

const NOW_MS = 50;
const capabilities = fc.subarray(["code", "gpu", "web"]);
const host = fc.constantFrom("gpu-1", "gpu-2", "gpu-3");

const agents = fc
  .array(fc.record({ capabilities, ollamaHost: fc.option(host) }), { maxLength: 8 })
  .map((drawn) => drawn.map((each, index): IdleAgent => ({ agentId: `agent-${index}`, ...each })));

const tasks = fc
  .array(
    fc.record({
      priority: fc.constantFrom(...PRIORITY_NAMES),
      needed_capabilities: fc.subarray(["code", "gpu", "web"], { maxLength: 2 }),
      assign_to: fc.oneof(fc.constant(null), fc.constant(null), fc.constantFrom("agent-0", "agent-1", "agent-99")),
      complexity_tier: fc.constantFrom(...TIERS),
      createdAtMs: fc.nat(3),
    }),
    { maxLength: 14, size: "max" },
  )
  // Ids run against the times, so that neither order alone would do.
  .map((drawn) =>
    drawn.map(({ createdAtMs, ...body }, index) =>
      newTask(`task-${99 - index}`, draftOf({ description: "x", ...body }, "sub"), createdAtMs),
    ),
  );

const endpoints = fc.uniqueArray(
  fc.record({ host, healthy: fc.boolean(), cpuPercent: fc.constantFrom(10, 50, 90) }).map(
    (drawn): EndpointView => ({
      id: `${drawn.host}:11434`,
      host: drawn.host,
      healthy: drawn.healthy,
      models: [],
      loadedModels: [],
      resources: { cpuPercent: drawn.cpuPercent, ramTotalBytes: null, vramUsedBytes: null, vramTotalBytes: null },
    }),
  ),
  { selector: (endpoint) => endpoint.id, maxLength: 3 },
);

function indexed(queued: readonly Task[], idle: readonly IdleAgent[]) {
  const lanes = new Lanes();
  const idleAgents = new IdleAgents();
  for (const task of queued) lanes.add(task);
  for (const agent of idle) idleAgents.add(agent);
  return { lanes, idle: idleAgents };
}

const preferredHost = (task: Task, among: readonly EndpointView[]) => hostOf(routeTask(task, among, NOW_MS), among);

function scanned(queued: readonly Task[], idle: readonly IdleAgent[], among: readonly EndpointView[]) {
  const view = { queued, idle, endpoints: among, isCompleted: () => true, nowMs: NOW_MS };
  return schedule(view).map(({ taskId, agentId }) => ({ taskId, agentId }));
}

describe("a pass over lanes and idle agents", () => {
  it("makes the pairs of the full scan, in its order", () => {
    fc.assert(
      fc.property(tasks, agents, endpoints, (queued, idle, among) => {
        const index = indexed(queued, idle);
        const byId = new Map(queued.map((task) => [task.id, task]));
        const made: { taskId: string; agentId: string }[] = [];
        for (;;) {
          const pair = takePair(index.lanes, index.idle, (taskId) => preferredHost(byId.get(taskId) as Task, among));
          if (!pair) break;
          made.push({ taskId: pair.taskId, agentId: pair.agent.agentId });
        }
        expect(made).toEqual(scanned(queued, idle, among));
        expect(index.lanes.size).toBe(queued.length - made.length);
        expect(index.idle.size).toBe(idle.length - made.length);
      }),
      { numRuns: 500 },
    );
  });

  it("makes only pairs that qualify, in dequeue order, and leaves none that could be made", () => {
    fc.assert(
      fc.property(tasks, agents, (queued, idle) => {
        const index = indexed(queued, idle);
        const free = new Map(idle.map((agent) => [agent.agentId, agent]));
        const waiting = new Map(queued.map((task) => [task.id, task]));
        const taken: Task[] = [];
        for (
          let pair = takePair(index.lanes, index.idle, () => null);
          pair;
          pair = takePair(index.lanes, index.idle, () => null)
        ) {
          const task = waiting.get(pair.taskId) as Task;
          expect(isQualified(free.get(pair.agent.agentId) as IdleAgent, task)).toBe(true);
          taken.push(task);
          waiting.delete(task.id);
          free.delete(pair.agent.agentId);
        }
        expect(taken).toEqual(taken.toSorted(byDequeueOrder));
        for (const task of waiting.values()) {
          for (const agent of free.values()) expect(isQualified(agent, task)).toBe(false);
        }
      }),
    );
  });
});

type Event = { task: Task } | { agent: IdleAgent } | { forgetTask: number } | { forgetAgent: number };

/** One event in the index and in the plain lists beside it; the pair that the index then proposes, which is not taken yet. */
function happen(
  event: Event,
  index: ReturnType<typeof indexed>,
  plain: { queued: Map<string, Task>; idle: Map<string, IdleAgent> },
  among: readonly EndpointView[],
): { taskId: string; agentId: string } | undefined {
  if ("task" in event) {
    plain.queued.set(event.task.id, event.task);
    index.lanes.add(event.task);
    const agent = index.idle.best(routingClassOf(event.task), preferredHost(event.task, among));
    return agent && { taskId: event.task.id, agentId: agent.agentId };
  }
  if ("agent" in event) {
    plain.idle.set(event.agent.agentId, event.agent);
    index.idle.add(event.agent);
    const next = index.lanes.next(event.agent);
    return next && { taskId: next.taskId, agentId: event.agent.agentId };
  }
  const [from, id] =
    "forgetTask" in event
      ? ([plain.queued, [...plain.queued.keys()][event.forgetTask]] as const)
      : ([plain.idle, [...plain.idle.keys()][event.forgetAgent]] as const);
  if (id === undefined) return undefined;
  from.delete(id);
  if ("forgetTask" in event) index.lanes.remove(id);
  else index.idle.remove(id);
  return undefined;
}

describe("one event at a time", () => {
  const events = fc
    .tuple(
      tasks,
      agents,
      fc.array(fc.oneof(fc.record({ forgetTask: fc.nat(5) }), fc.record({ forgetAgent: fc.nat(5) })), { maxLength: 6 }),
    )
    .chain(([queued, idle, forget]) => {
      const all: Event[] = [...queued.map((task) => ({ task })), ...idle.map((agent) => ({ agent })), ...forget];
      return fc.shuffledSubarray(all, { minLength: all.length });
    });

  it("a task asks for its agent, an agent for its task, and the full scan would have done the same", () => {
    fc.assert(
      fc.property(events, endpoints, (happening, among) => {
        const index = indexed([], []);
        const queued = new Map<string, Task>();
        const idle = new Map<string, IdleAgent>();
        for (const event of happening) {
          const made = happen(event, index, { queued, idle }, among);
          expect(made ? [made] : []).toEqual(scanned([...queued.values()], [...idle.values()], among));
          if (!made) continue;
          expect([index.lanes.remove(made.taskId), index.idle.remove(made.agentId)]).toEqual([true, true]);
          queued.delete(made.taskId);
          idle.delete(made.agentId);
        }
      }),
      { numRuns: 500 },
    );
  });
});
