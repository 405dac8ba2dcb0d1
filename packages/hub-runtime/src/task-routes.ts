import { cancelledDependencyOf, draftOf, priorityOf } from "@hubscale/hub-core";
import {
  checkerOf,
  type FieldError,
  LIMITS,
  PRIORITY_NAMES,
  type PriorityName,
  SUBMIT_TASK,
  type SubmitTaskAnswer,
  type SubmitTaskBody,
  type TaskFilter,
  type TaskStatus,
} from "@hubscale/protocol";
import type { FastifyInstance } from "fastify";
import { refuseAbove } from "./document-size.ts";
import { invalid } from "./http-app.ts";
import type { HubMetrics } from "./hub-metrics.ts";
import type { BusEvent, TaskDesk } from "./ports.ts";
import type { LocalRoster } from "./roster.ts";
import { submissionKeyOf } from "./submission-key.ts";

export interface TaskRoutesOptions {
  tasks: TaskDesk;
  roster: LocalRoster;
  metrics: HubMetrics;
  documentBytes: number;
  publish(event: BusEvent): void;
}

type ById = { Params: { id: string } };

/** Submission, listing and commands of tasks. All want a token. */
export function addTaskRoutes(
  app: FastifyInstance,
  { tasks, roster, metrics, publish, documentBytes }: TaskRoutesOptions,
): void {
  const check = checkerOf<SubmitTaskBody>(SUBMIT_TASK);

  app.post("/api/tasks", async (request, reply) => {
    const body = check(request.body ?? {});
    if (!body.ok) return invalid(reply, body.errors);
    const draft = draftOf(body.value, request.agentId);
    refuseAbove(documentBytes, draft, request.bodyChars);
    const header = request.headers["idempotency-key"];
    const key =
      header === undefined ? undefined : submissionKeyOf(String(header), { agentId: request.agentId, body: body.value });
    if (key === null) return invalid(reply, [BAD_KEY]);
    const submitted = await tasks.submit(draft, key);
    if (!submitted.ok && submitted.code === "key_reused") return invalid(reply, [REUSED_KEY]);
    if (!submitted.ok) {
      const detail = `unknown task ids: ${submitted.taskIds.join(", ")}`;
      return invalid(reply, [{ field: "depends_on", error: "invalid_value", detail }]);
    }
    metrics.counters.tasks_submitted++;
    const { id, priority, created_at } = submitted.task;
    const answer: SubmitTaskAnswer = { created_at, priority, status: "queued", task_id: id };
    return reply.code(201).send(answer);
  });

  app.get<{ Querystring: Record<string, unknown> }>("/api/tasks", async (request, reply) => {
    const filter = filterOf(request.query);
    if (Array.isArray(filter)) return invalid(reply, filter);
    const found = await tasks.list(filter);
    return { tasks: found, count: found.length };
  });

  app.get("/api/tasks/stats", () => tasks.stats());

  app.get("/api/tasks/dead-letter", async () => {
    const found = await tasks.list({ status: "dead_letter" });
    return { tasks: found, count: found.length };
  });

  app.get<ById>("/api/tasks/:id", async (request, reply) => {
    const { id } = request.params;
    return (await tasks.find(id)) ?? reply.code(404).send(notFound(id));
  });

  app.post<ById>("/api/tasks/:id/retry", async (request, reply) => {
    const { id } = request.params;
    const change = await tasks.command(id, "retry");
    if (!change) {
      const found = await tasks.find(id);
      const cancelled = found && cancelledDependencyOf(found);
      if (cancelled === undefined) return reply.code(404).send(notFound(id));
      return reply.code(409).send({ error: "dependency_cancelled", task_id: id, cancelled });
    }
    return { status: "requeued", task_id: id, priority: (change.after ?? change.before).priority };
  });

  app.post<ById>("/api/tasks/:id/cancel", async (request, reply) => {
    const { id } = request.params;
    const change = await tasks.command(id, "cancel");
    if (!change) return reply.code(404).send(notFound(id));
    const { assigned_to, status } = change.before;
    if (assigned_to !== null) tellCancelled(assigned_to, id);
    return { status: "cancelled", task_id: id, previous_status: status };
  });

  function tellCancelled(agentId: string, taskId: string): void {
    if (roster.get(agentId)) roster.release(agentId, taskId);
    else publish({ type: "deliver", to: agentId, frame: { type: "task_cancelled", task_id: taskId } });
  }
}

const BAD_KEY = {
  field: "idempotency-key",
  error: "invalid_value",
  detail: `must be a quoted string or a word of 1 to ${LIMITS.submissionKeyChars} visible ASCII characters`,
} as const;

const REUSED_KEY = {
  field: "idempotency-key",
  error: "invalid_value",
  detail: "was used for another task within the last 24 hours: take a new key for a new task",
} as const;

function notFound(taskId: string): { error: string; task_id: string } {
  return { error: "task_not_found", task_id: taskId };
}

const STATUSES: readonly TaskStatus[] = ["queued", "assigned", "completed", "dead_letter"];

/** A priority may be given by name or by number. An array: what is wrong. */
function filterOf(query: Record<string, unknown>): TaskFilter | FieldError[] {
  const errors: FieldError[] = [];
  const filter: TaskFilter = {};
  const { status, priority, assigned_to, goal_id } = query;
  if (status !== undefined) {
    const known = STATUSES.find((each) => each === status);
    if (known) filter.status = known;
    else errors.push({ field: "status", error: "invalid_value", detail: `must be one of ${STATUSES.join(", ")}` });
  }
  if (priority !== undefined) {
    const known = PRIORITY_NAMES.find((name: PriorityName) => name === priority || String(priorityOf(name)) === priority);
    if (known) filter.priority = priorityOf(known);
    else errors.push({ field: "priority", error: "invalid_value", detail: `must be one of ${PRIORITY_NAMES.join(", ")}` });
  }
  if (typeof assigned_to === "string") filter.assigned_to = assigned_to;
  if (typeof goal_id === "string") filter.goal_id = goal_id;
  return errors.length > 0 ? errors : filter;
}
