/** Completed tasks of a past that never was: a hub with history, for measurements of what history costs. */
import { newTask, routingClassOf, type TaskDraft } from "@hubscale/hub-core";
import type { QueueMap } from "./queue-map.ts";
import type { RedisLink } from "./redis-link.ts";
import { taskIdOf } from "./task-id.ts";
import type { Completion } from "./task-record.ts";

export interface CompletedSeedOptions {
  link: RedisLink;
  queues: QueueMap;
  namespace: string;
  count: number;
  nowMs: number;
}

const CHUNK = 500;

/** Once for each namespace. Stores no more than the queues keep: what is above would be removed by the next completion. */
export async function seedCompleted({ link, queues, namespace, count, nowMs }: CompletedSeedOptions): Promise<void> {
  if ((await link.commands.hsetnx(`${namespace}:hub`, "seeded", count)) === 0) return;
  const classNumber = await queues.classNumberOf(routingClassOf(DRAFT));
  if (classNumber === undefined) throw new Error("no routing class is left for the seeded tasks");
  for (let at = 0; at < count; at += CHUNK) {
    const pipeline = link.commands.pipeline();
    for (let index = at; index < Math.min(at + CHUNK, count); index++) {
      // The random part of a seeded id is its number, so that the seed is the same each time.
      const taskId = taskIdOf(classNumber, index.toString(16).padStart(12, "0"));
      const queue = await queues.queueOf(taskId);
      queue?.addCompleted(pipeline, completedTask(taskId, nowMs - count + index));
    }
    await link.run(() => pipeline.exec());
  }
  for (const queue of queues.all()) await queue.trimCompleted();
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

function completedTask(taskId: string, atMs: number) {
  const agentId = "seed";
  const command = {
    type: "complete" as const,
    agentId,
    generation: 1,
    result: { status: "ok" },
    tokensUsed: 1_000,
    verificationReport: null,
    verificationHistory: [],
  } satisfies Completion["command"];
  return { task: newTask(taskId, DRAFT, atMs), agentId, completion: { atMs, decision: null, command } };
}
