/** Fixes change what an answer costs and never what it says: any sequence of commands gives the same under any set of them. */
import { checkTask } from "@hubscale/hub-core";
import type { PriorityName, Task } from "@hubscale/protocol";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ALL_FIXES, type Fix, type Fixes } from "./fixes.ts";
import { DeskInFolder } from "./testing/desk-in-folder.ts";

type Step =
  | { do: "submit"; priority: PriorityName; capability: string | null; dependsOn: number | null; assignTo: string | null }
  | { do: "join" | "leave" | "complete" | "fail" | "progress" | "finish-stale" | "reject"; agent: string }
  | { do: "report"; agent: string; task: number; generation: number }
  | { do: "cancel" | "retry" | "reclaim"; task: number }
  | { do: "advance"; seconds: number };

const agent = fc.constantFrom("a", "b", "c");
const taskNumber = fc.nat({ max: 12 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("submit" as const),
      priority: fc.constantFrom<PriorityName>("urgent", "high", "normal", "low"),
      capability: fc.constantFrom(null, null, "x", "y"),
      dependsOn: fc.option(taskNumber, { freq: 3 }),
      assignTo: fc.option(agent, { freq: 5 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("join" as const), agent }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("complete" as const, "fail" as const), agent }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("leave" as const, "progress" as const, "finish-stale" as const, "reject" as const),
      agent,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("report" as const), agent, task: taskNumber, generation: fc.nat({ max: 5 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("cancel" as const, "retry" as const, "reclaim" as const),
      task: taskNumber,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("advance" as const), seconds: fc.constantFrom(1, 30, 61, 700) }) },
);

const fixSets = fc.oneof(fc.constant<Fix[]>([...ALL_FIXES]), fc.subarray<Fix>([...ALL_FIXES], { minLength: 1 }));

describe("any set of fixes", () => {
  it("gives the answers that the hub without fixes gives", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), fixSets, async (steps, fixes) => {
        const [plain, fixed] = await Promise.all([transcriptOf(steps, new Set()), transcriptOf(steps, new Set(fixes))]);
        expect(fixed).toEqual(plain);
      }),
      { numRuns: 60 },
    );
  });
});

/** Everything that can be seen from outside, step by step. */
async function transcriptOf(steps: readonly Step[], fixes: Fixes): Promise<unknown[]> {
  const hub = await DeskInFolder.open({ fixes });
  const transcript: unknown[] = [];
  const submitted: Task[] = [];
  for (const step of steps) {
    transcript.push(step.do, await take(hub, step, submitted));
    await hub.quiet();
    const list = await hub.desk.list({});
    expect([...list, ...(await hub.desk.list({ status: "dead_letter" }))].flatMap(checkTask)).toEqual([]);
    transcript.push(list.map(withoutTouch), await hub.desk.stats(), hub.roster.pushed.map(withoutTouchOf));
  }
  transcript.push((await hub.desk.list({ status: "dead_letter" })).map(withoutTouch));
  await hub.remove();
  return transcript;
}

async function take(hub: DeskInFolder, step: Step, submitted: Task[]): Promise<unknown> {
  const { desk, roster } = hub;
  switch (step.do) {
    case "submit": {
      const task = await hub.submit({
        priority: step.priority,
        complexity_tier: "standard",
        max_retries: 2,
        needed_capabilities: step.capability === null ? [] : [step.capability],
        depends_on: idsOf(step.dependsOn === null ? undefined : await stillThere(hub, submitted[step.dependsOn])),
        assign_to: step.assignTo,
      });
      submitted.push(task);
      return task;
    }
    case "join":
      // What is taken back from an old connection and what is given to the new one is a race, here settled.
      roster.leave(step.agent);
      await hub.quiet();
      return roster.join(step.agent, step.agent === "a" ? ["x"] : ["x", "y"]);
    case "leave":
      return roster.leave(step.agent);
    case "advance":
      await letPass(hub, step.seconds * 1_000);
      return undefined;
    case "report": {
      const task_id = submitted[step.task]?.id ?? "task-unknown";
      return desk.report(step.agent, { type: "state_report", task_id, generation: step.generation });
    }
    case "cancel":
    case "retry":
    case "reclaim": {
      const command = step.do === "reclaim" ? ({ reclaim: "acceptance_timeout" } as const) : step.do;
      return (await desk.command(submitted[step.task]?.id ?? "task-unknown", command)) !== undefined;
    }
    default:
      return sayOf(hub, step.do, step.agent);
  }
}

/** What falls due, one after the other: begun at once, it would end in the order that the disk has it. */
async function letPass(hub: DeskInFolder, ms: number): Promise<void> {
  const endMs = hub.clock.nowMs() + ms;
  while (hub.clock.runNext(endMs)) await hub.quiet();
  hub.clock.advance(endMs - hub.clock.nowMs());
}

/** What the agent says of the task that it was last handed, whether or not it still has it. */
async function sayOf(
  { desk, roster }: DeskInFolder,
  what: "complete" | "fail" | "progress" | "finish-stale" | "reject",
  agentId: string,
): Promise<unknown> {
  const task = roster.pushed.findLast((push) => push.agentId === agentId)?.task;
  if (!task) return "nothing to say";
  const { id: task_id, generation } = task;
  if (what === "progress") return desk.report(agentId, { type: "task_progress", task_id });
  if (what === "finish-stale") return desk.report(agentId, { type: "task_complete", task_id, generation: generation - 1 });
  const outcome = await (what === "reject"
    ? desk.report(agentId, { type: "task_rejected", task_id })
    : what === "fail"
      ? desk.report(agentId, { type: "task_failed", task_id, generation, reason: "boom" })
      : desk.report(agentId, { type: "task_complete", task_id, generation, result: { status: "success" } }));
  if (roster.get(agentId)?.taskId === task_id) roster.finish(agentId);
  return outcome;
}

async function stillThere(hub: DeskInFolder, task: Task | undefined): Promise<Task | undefined> {
  return task && (await hub.desk.find(task.id));
}

function idsOf(task: Task | undefined): string[] {
  return task ? [task.id] : [];
}

/** When a touch reaches the row is the very thing that C6 changes. */
function withoutTouch(task: Task): object {
  const { updated_at: _, ...rest } = task;
  return rest;
}

function withoutTouchOf({ agentId, task }: { agentId: string; task: Task }): object {
  return { agentId, task: withoutTouch(task) };
}
