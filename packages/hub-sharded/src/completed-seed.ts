/** Completed tasks of a past that never was: a hub with history, for measurements of what history costs. */
import { newTask, routingClassOf, type TaskDraft, transition } from "@hubscale/hub-core";
import type { Backbone, CompletedPast, TaskQueue } from "./backbone.ts";
import { taskIdOf } from "./task-id.ts";

export interface CompletedSeedOptions {
  backbone: Pick<Backbone, "claim" | "queues">;
  count: number;
  nowMs: number;
}

const CHUNK = 500;
const FOR_GOOD_MS = 100 * 365 * 24 * 3_600_000;

/** Once for each namespace. Stores no more than the queues keep: what is above would be removed by the next completion. */
export async function seedCompleted({ backbone, count, nowMs }: CompletedSeedOptions): Promise<void> {
  const { queues } = backbone;
  if (!(await backbone.claim("seed", FOR_GOOD_MS))) return;
  const classNumber = await queues.classNumberOf(routingClassOf(DRAFT));
  if (classNumber === undefined) throw new Error("no routing class is left for the seeded tasks");
  for (let at = 0; at < count; at += CHUNK) {
    const byQueue = new Map<TaskQueue, CompletedPast[]>();
    for (let index = at; index < Math.min(at + CHUNK, count); index++) {
      // The random part of a seeded id is its number, so that the seed is the same each time.
      const taskId = taskIdOf(classNumber, index.toString(16).padStart(12, "0"));
      const queue = await queues.queueOf(taskId);
      if (!queue) throw new Error(`no queue for ${taskId}`);
      byQueue.set(queue, [...(byQueue.get(queue) ?? []), completedTask(taskId, nowMs - count + index)]);
    }
    await Promise.all([...byQueue].map(([queue, past]) => queue.addCompleted(past)));
  }
}

/** About the size that a real completed task has. */
const DRAFT: TaskDraft = {
  description: `Seeded history: ${"a task of ordinary length. ".repeat(20)}`,
  priority: 2,
  metadata: {},
  repo: "example/seeded",
  branch: "main",
  file_hints: [{ path: "src/index.ts" }],
  success_criteria: ["it works"],
  verification_steps: [],
  needed_capabilities: [],
  depends_on: [],
  goal_id: null,
  assign_to: null,
  complete_by: null,
  complexity: {
    effective_tier: "standard",
    explicit_tier: "standard",
    inferred: { tier: "standard", confidence: 1 },
    source: "explicit",
  },
  skip_verification: false,
  verification_timeout_ms: null,
  max_verification_retries: 5,
  max_retries: 3,
  submitted_by: "seed",
};

function completedTask(taskId: string, atMs: number): CompletedPast {
  const agentId = "seed";
  const command = {
    type: "complete" as const,
    agentId,
    generation: 1,
    result: { status: "ok" },
    tokensUsed: 1_000,
    verificationReport: null,
    verificationHistory: [],
  };
  const task = newTask(taskId, DRAFT, atMs);
  const assigned = transition(task, { type: "assign", agentId }, atMs);
  const completed = assigned.ok && assigned.task ? transition(assigned.task, command, atMs) : assigned;
  if (!completed.ok || !completed.task) throw new Error("a seeded task cannot be completed");
  return { task, agentId, completion: { atMs, decision: null, command }, after: completed.task };
}
