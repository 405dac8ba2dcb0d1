import type { SubmitTaskBody, TaskAssignFrame } from "@hubscale/protocol";
import { describe, expect, it } from "vitest";
import { assignFrameOf } from "./assign-frame.ts";
import { routeTask } from "./routing.ts";
import { draftOf } from "./task-draft.ts";
import { newTask, type TaskCommand, transition } from "./task-transition.ts";

/** What every recorded frame of the reference hub had in common. */
const recorded: Omit<TaskAssignFrame, "task_id" | "assigned_at" | "description" | "complexity" | "routing_decision"> = {
  type: "task_assign",
  branch: null,
  file_hints: [],
  generation: 1,
  max_verification_retries: 5,
  metadata: {},
  repo: null,
  skip_verification: false,
  success_criteria: [],
  verification_steps: [],
  verification_timeout_ms: null,
};

const inferredStandard = {
  effective_tier: "standard",
  explicit_tier: null,
  inferred: { confidence: 0, tier: "standard" },
  source: "inferred",
} as const;

const explicitly = (tier: "trivial" | "complex") =>
  ({ effective_tier: tier, explicit_tier: tier, inferred: { confidence: 0, tier: "standard" }, source: "explicit" }) as const;

const toSidecar = {
  classification_reason: "explicit:trivial (confidence 0.00, word_count=2, files=0)",
  effective_tier: "trivial",
  estimated_cost_tier: "free",
  fallback_reason: null,
  fallback_used: false,
  selected_endpoint: null,
  selected_model: null,
  target_type: "sidecar",
} as const;

const fallback = {
  classification_reason: "inferred:standard (confidence 0.00) [fallback from standard: no_healthy_ollama_endpoints]",
  effective_tier: "standard",
  estimated_cost_tier: "local",
  fallback_reason: "no_healthy_ollama_endpoints",
  fallback_used: true,
  selected_endpoint: null,
  selected_model: null,
  target_type: "ollama",
} as const;

const toClaude = {
  classification_reason: "explicit:complex (confidence 0.00, word_count=2, files=0)",
  effective_tier: "complex",
  estimated_cost_tier: "api",
  fallback_reason: null,
  fallback_used: false,
  selected_endpoint: "claude_api",
  selected_model: "claude",
  target_type: "claude",
} as const;

/** The submissions of the recordings and the frames that followed. */
const RECORDINGS: [SubmitTaskBody, Omit<TaskAssignFrame, "task_id" | "assigned_at">][] = [
  [
    {
      description: "echo something",
      complexity_tier: "trivial",
      metadata: { shell_command: "echo hello; sleep 1; echo done" },
    },
    {
      ...recorded,
      description: "echo something",
      metadata: { shell_command: "echo hello; sleep 1; echo done" },
      complexity: explicitly("trivial"),
      routing_decision: toSidecar,
    },
  ],
  [
    { description: "plain trivial", complexity_tier: "trivial" },
    { ...recorded, description: "plain trivial", complexity: explicitly("trivial"), routing_decision: toSidecar },
  ],
  [
    { description: "standard without ollama" },
    { ...recorded, description: "standard without ollama", complexity: inferredStandard, routing_decision: fallback },
  ],
  [
    { description: "complex one", complexity_tier: "complex" },
    { ...recorded, description: "complex one", complexity: explicitly("complex"), routing_decision: toClaude },
  ],
  [
    { description: "Add a unit test for the parser", priority: "normal", metadata: { k: "v" } },
    {
      ...recorded,
      description: "Add a unit test for the parser",
      metadata: { k: "v" },
      complexity: inferredStandard,
      routing_decision: fallback,
    },
  ],
  [{ description: "rl 0" }, { ...recorded, description: "rl 0", complexity: inferredStandard, routing_decision: fallback }],
];

const SUBMITTED_MS = 1_795_462_320_481;

function run(body: SubmitTaskBody, commands: (TaskCommand | "route")[]) {
  let task = newTask("task-916cb089b86e48c4", draftOf(body, "sub"), SUBMITTED_MS);
  let nowMs = SUBMITTED_MS;
  for (const command of commands) {
    nowMs += 10;
    const step = transition(
      task,
      command === "route" ? { type: "route", decision: routeTask(task, [], nowMs) } : command,
      nowMs,
    );
    if (!step.ok || !step.task) throw new Error(`${JSON.stringify(command)} was refused`);
    task = step.task;
  }
  return task;
}

describe("task_assign", () => {
  it.each(RECORDINGS)("is as recorded for %o", (body, frame) => {
    const task = run(body, ["route", { type: "assign", agentId: "alice" }]);
    expect(assignFrameOf(task)).toEqual({ ...frame, task_id: task.id, assigned_at: SUBMITTED_MS + 20 });
  });

  it("is refused for a task that is not assigned, or was not routed", () => {
    expect(() => assignFrameOf(run({ description: "x" }, ["route"]))).toThrow("queued, not assigned");
    expect(() => assignFrameOf(run({ description: "x" }, [{ type: "assign", agentId: "a" }]))).toThrow("never routed");
  });
});

it("leaves the task that GET /api/tasks/:id was recorded with after its completion", () => {
  const task = run({ description: "Add a unit test for the parser", priority: "normal", metadata: { k: "v" } }, [
    "route",
    { type: "assign", agentId: "alice" },
    { type: "touch", agentId: "alice" },
    {
      type: "complete",
      agentId: "alice",
      generation: 1,
      result: { output: "done", status: "success" },
      tokensUsed: 10,
      verificationReport: null,
      verificationHistory: [],
    },
  ]);
  expect(task).toMatchObject({
    assigned_at: SUBMITTED_MS + 20,
    assigned_to: "alice",
    branch: null,
    complete_by: null,
    complexity: inferredStandard,
    created_at: SUBMITTED_MS,
    depends_on: [],
    description: "Add a unit test for the parser",
    file_hints: [],
    generation: 1,
    goal_id: null,
    history: [
      { details: { tokens_used: 10 }, event: "completed", timestamp: SUBMITTED_MS + 40 },
      { details: { agent_id: "alice", generation: 1 }, event: "assigned", timestamp: SUBMITTED_MS + 20 },
      { details: "submitted", event: "queued", timestamp: SUBMITTED_MS },
    ],
    last_error: null,
    max_retries: 3,
    max_verification_retries: 5,
    metadata: { k: "v" },
    needed_capabilities: [],
    priority: 2,
    repo: null,
    result: { output: "done", status: "success" },
    retry_count: 0,
    routing_decision: { ...fallback, candidate_count: 0, decided_at: SUBMITTED_MS + 10, fallback_from_tier: "standard" },
    status: "completed",
    submitted_by: "sub",
    success_criteria: [],
    tokens_used: 10,
    updated_at: SUBMITTED_MS + 40,
    verification_history: [],
    verification_report: null,
    verification_steps: [],
  });
});
