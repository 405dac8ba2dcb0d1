/**
 * The life of one task: queued → assigned → completed, or dead letter. A pure table from (task, command, time) to the next
 * task and what happened; the shells persist the task first and act on the events afterwards.
 */
import {
  DEFAULTS,
  type HistoryEntry,
  LIMITS,
  type Priority,
  type RoutingDecision,
  type Task,
  TIMERS,
} from "@hubscale/protocol";

/** What a submitter asks for, defaults filled in, before the hub gives it an id. */
export type TaskDraft = Pick<
  Task,
  | "description"
  | "priority"
  | "metadata"
  | "repo"
  | "branch"
  | "file_hints"
  | "success_criteria"
  | "verification_steps"
  | "needed_capabilities"
  | "depends_on"
  | "goal_id"
  | "assign_to"
  | "complete_by"
  | "complexity"
  | "skip_verification"
  | "verification_timeout_ms"
  | "max_verification_retries"
  | "max_retries"
  | "submitted_by"
>;

export type ReclaimReason = "agent_disconnected" | "acceptance_timeout" | "stuck" | "overdue" | "rejected" | "lease_expired";

export type TaskCommand =
  | { type: "route"; decision: RoutingDecision }
  | { type: "assign"; agentId: string }
  /** Accepted, progress, a wake: the task is alive. `agentId` null: whoever says so. */
  /** `atMs`: when the sign of life was seen, if that was earlier. */
  | { type: "touch"; agentId: string | null; atMs?: number }
  | {
      type: "complete";
      agentId: string | null;
      generation: number;
      result: unknown;
      tokensUsed: number | null;
      verificationReport: unknown;
      verificationHistory: unknown[];
    }
  /** `isFinal`: a dead letter at once, since another try would end alike. */
  | { type: "fail"; agentId: string | null; generation: number; error: string; isFinal?: true }
  | { type: "reclaim"; reason: ReclaimReason }
  | { type: "expire" }
  /** A task that it depends on, by itself or through others, was cancelled. */
  | { type: "lose_dependency"; cancelled: string }
  | { type: "cancel" }
  | { type: "retry" };

export type TaskEvent =
  | { type: "routed" | "touched"; taskId: string }
  | { type: "assigned"; taskId: string; agentId: string; generation: number }
  | { type: "completed"; taskId: string; agentId: string | null }
  | { type: "requeued"; taskId: string; agentId: string | null; because: ReclaimReason | "failed" | "retried" }
  | { type: "dead_lettered"; taskId: string; agentId: string | null; because: string }
  | { type: "cancelled"; taskId: string; agentId: string | null };

/** `wrong_agent` is the check that the reference hub lacks; its wire name is `stale_generation`, which leaks nothing. */
export type RefusalCode = "stale_generation" | "invalid_state" | "wrong_agent";

/** `task` undefined: the row is to be removed (a cancelled task leaves nothing behind). */
export type Transition = { ok: true; task: Task | undefined; event: TaskEvent } | { ok: false; code: RefusalCode };

/**
 * A new queued task, generation 0. Every field is named: a spread into an object of this size makes V8 fall back to a slow
 * dictionary, which then slows down every later use of the task.
 */
export function newTask(id: string, draft: TaskDraft, nowMs: number): Task {
  return {
    id,
    status: "queued",
    priority: draft.priority,
    description: draft.description,
    metadata: draft.metadata,
    repo: draft.repo,
    branch: draft.branch,
    file_hints: draft.file_hints,
    success_criteria: draft.success_criteria,
    verification_steps: draft.verification_steps,
    needed_capabilities: draft.needed_capabilities,
    depends_on: draft.depends_on,
    goal_id: draft.goal_id,
    assign_to: draft.assign_to,
    complete_by: draft.complete_by,
    complexity: draft.complexity,
    routing_decision: null,
    skip_verification: draft.skip_verification,
    verification_timeout_ms: draft.verification_timeout_ms,
    max_verification_retries: draft.max_verification_retries,
    max_retries: draft.max_retries,
    retry_count: 0,
    generation: 0,
    assigned_to: null,
    assigned_at: null,
    submitted_by: draft.submitted_by,
    created_at: nowMs,
    updated_at: nowMs,
    last_error: null,
    result: null,
    tokens_used: null,
    verification_report: null,
    verification_history: [],
    history: [{ details: "submitted", event: "queued", timestamp: nowMs }],
  };
}

/** The next state of `task` under `command` at `nowMs`, or why the command is refused. Never changes its arguments. */
export function transition(task: Task, command: TaskCommand, nowMs: number): Transition {
  switch (command.type) {
    case "route":
      if (task.status !== "queued") return refused("invalid_state");
      return {
        ok: true,
        task: { ...task, routing_decision: command.decision, updated_at: nowMs },
        event: { type: "routed", taskId: task.id },
      };
    case "assign":
      return assign(task, command.agentId, nowMs);
    case "touch":
      if (task.status !== "assigned") return refused("invalid_state");
      if (isAnother(task, command.agentId)) return refused("wrong_agent");
      return { ok: true, task: { ...task, updated_at: command.atMs ?? nowMs }, event: { type: "touched", taskId: task.id } };
    case "complete": {
      const refusal = fence(task, command);
      if (refusal) return refused(refusal);
      return {
        ok: true,
        task: {
          ...task,
          status: "completed",
          result: command.result,
          tokens_used: command.tokensUsed,
          verification_report: command.verificationReport,
          verification_history: command.verificationHistory,
          updated_at: nowMs,
          history: noted(task, "completed", { tokens_used: command.tokensUsed }, nowMs),
        },
        event: { type: "completed", taskId: task.id, agentId: task.assigned_to },
      };
    }
    case "fail":
      return fail(task, command, nowMs);
    case "reclaim":
      if (task.status !== "assigned") return refused("invalid_state");
      return requeued(task, command.reason, { reason: command.reason }, nowMs);
    case "expire":
      if (task.status !== "queued") return refused("invalid_state");
      return deadLettered({ ...task, last_error: "ttl_expired" }, "ttl_expired", nowMs);
    case "lose_dependency": {
      if (task.status !== "queued") return refused("invalid_state");
      const { cancelled } = command;
      const lost = { ...task, last_error: `dependency_cancelled: ${cancelled}` };
      return deadLettered(lost, "dependency_cancelled", nowMs, { cancelled });
    }
    case "cancel":
      if (task.status !== "queued" && task.status !== "assigned") return refused("invalid_state");
      return { ok: true, task: undefined, event: { type: "cancelled", taskId: task.id, agentId: task.assigned_to } };
    case "retry":
      // What it depends on will never complete.
      if (task.status !== "dead_letter" || cancelledDependencyOf(task) !== undefined) return refused("invalid_state");
      return requeued({ ...task, retry_count: 0, last_error: null }, "retried", "retried from dead letter", nowMs);
  }
}

/** Priority by name; the contract stores it as 0 to 3. */
export function priorityOf(name: "urgent" | "high" | "normal" | "low" = DEFAULTS.priority): Priority {
  return { urgent: 0, high: 1, normal: 2, low: 3 }[name] as Priority;
}

/** Dequeue order: (priority, created_at, id). */
export function byDequeueOrder(
  a: Pick<Task, "priority" | "created_at" | "id">,
  b: Pick<Task, "priority" | "created_at" | "id">,
): number {
  return a.priority - b.priority || a.created_at - b.created_at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** Whether the task was taken from an agent for its deadline: once overdue it stays so, and the next agent may finish it. */
export function wasTakenAsOverdue(task: Task): boolean {
  return task.history.some(({ event }) => event === "overdue");
}

/** Whether a task has waited too long since its last change; a dead letter that was queued again waits anew. */
export function isTooOld(task: Task, nowMs: number): boolean {
  return task.complexity.effective_tier !== "trivial" && nowMs - task.updated_at >= TIMERS.queuedTtlMs;
}

/**
 * The cancelled task for whose sake this one is a dead letter; undefined: it is none, or for another reason. Told by the history,
 * since an agent may write any `last_error`.
 */
export function cancelledDependencyOf(task: Task): string | undefined {
  if (task.status !== "dead_letter") return undefined;
  const details = task.history[0]?.details as { cancelled?: unknown } | null | undefined;
  return typeof details?.cancelled === "string" ? details.cancelled : undefined;
}

function assign(task: Task, agentId: string, nowMs: number): Transition {
  if (task.status !== "queued") return refused("invalid_state");
  const generation = task.generation + 1;
  return {
    ok: true,
    task: {
      ...task,
      status: "assigned",
      generation,
      assigned_to: agentId,
      assigned_at: nowMs,
      updated_at: nowMs,
      history: noted(task, "assigned", { agent_id: agentId, generation }, nowMs),
    },
    event: { type: "assigned", taskId: task.id, agentId, generation },
  };
}

function fail(task: Task, command: Extract<TaskCommand, { type: "fail" }>, nowMs: number): Transition {
  const refusal = fence(task, command);
  if (refusal) return refused(refusal);
  const failed = { ...task, retry_count: task.retry_count + 1, last_error: command.error };
  if (command.isFinal || failed.retry_count >= task.max_retries) return deadLettered(failed, command.error, nowMs);
  return requeued(failed, "failed", { error: excerptOf(command.error), retry_count: failed.retry_count }, nowMs);
}

function requeued(task: Task, because: ReclaimReason | "failed" | "retried", details: unknown, nowMs: number): Transition {
  return {
    ok: true,
    task: {
      ...task,
      status: "queued",
      generation: task.generation + 1,
      assigned_to: null,
      assigned_at: null,
      updated_at: nowMs,
      history: noted(task, because === "failed" ? "retry" : because, details, nowMs),
    },
    event: { type: "requeued", taskId: task.id, agentId: task.assigned_to, because },
  };
}

function deadLettered(task: Task, because: string, nowMs: number, details: { cancelled?: string } = {}): Transition {
  return {
    ok: true,
    task: {
      ...task,
      status: "dead_letter",
      assigned_to: null,
      assigned_at: null,
      updated_at: nowMs,
      history: noted(task, "dead_letter", { reason: excerptOf(because), ...details }, nowMs),
    },
    event: { type: "dead_lettered", taskId: task.id, agentId: task.assigned_to, because },
  };
}

function fence(task: Task, by: { agentId: string | null; generation: number }): RefusalCode | undefined {
  if (task.status !== "assigned") return "invalid_state";
  if (task.generation !== by.generation) return "stale_generation";
  return isAnother(task, by.agentId) ? "wrong_agent" : undefined;
}

function isAnother(task: Task, agentId: string | null): boolean {
  return agentId !== null && task.assigned_to !== agentId;
}

function noted(task: Task, event: string, details: unknown, timestamp: number): HistoryEntry[] {
  return [{ details, event, timestamp }, ...task.history.slice(0, LIMITS.historyEntries - 1)];
}

/** Fifty of them are part of every record. */
function excerptOf(error: string): string {
  return error.slice(0, LIMITS.historyErrorChars);
}

function refused(code: RefusalCode): Transition {
  return { ok: false, code };
}
