import type { RoutingDecisionFrame, Task, TaskAssignFrame } from "@hubscale/protocol";

/** What the agent is sent. Throws if the task is not assigned or not routed: there would be nothing to send. */
export function assignFrameOf(task: Task): TaskAssignFrame {
  const { routing_decision: routing, assigned_at } = task;
  if (task.status !== "assigned" || assigned_at === null) throw new Error(`task ${task.id} is ${task.status}, not assigned`);
  if (routing === null) throw new Error(`task ${task.id} is assigned but was never routed`);
  return {
    type: "task_assign",
    task_id: task.id,
    description: task.description,
    metadata: task.metadata,
    generation: task.generation,
    assigned_at,
    repo: task.repo,
    branch: task.branch,
    file_hints: task.file_hints,
    success_criteria: task.success_criteria,
    verification_steps: task.verification_steps,
    complexity: task.complexity,
    routing_decision: routingFrameOf(routing),
    skip_verification: task.skip_verification,
    verification_timeout_ms: task.verification_timeout_ms,
    max_verification_retries: task.max_verification_retries,
  };
}

function routingFrameOf(routing: NonNullable<Task["routing_decision"]>): RoutingDecisionFrame {
  return {
    effective_tier: routing.effective_tier,
    target_type: routing.target_type,
    selected_endpoint: routing.selected_endpoint,
    selected_model: routing.selected_model,
    fallback_used: routing.fallback_used,
    fallback_reason: routing.fallback_reason,
    classification_reason: routing.classification_reason,
    estimated_cost_tier: routing.estimated_cost_tier,
  };
}
