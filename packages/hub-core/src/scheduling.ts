/**
 * Which idle agent gets which queued task, as a scan of everything: the definition that the indexed form (lanes, idle agents)
 * is tested against, and the form that the reference profile pays for.
 */
import type { RoutingDecision, Task } from "@hubscale/protocol";
import { type EndpointView, routeTask } from "./routing.ts";
import { byDequeueOrder } from "./task-transition.ts";

/** An agent that may be handed a task now. */
export interface IdleAgent {
  agentId: string;
  capabilities: readonly string[];
  /** Host part of its `ollama_url`. */
  ollamaHost: string | null;
}

export interface Assignment {
  taskId: string;
  agentId: string;
  decision: RoutingDecision;
}

export interface ScheduleView {
  /** In any order. */
  queued: readonly Task[];
  /** The first that qualifies is taken: pass the longest idle first. */
  idle: readonly IdleAgent[];
  endpoints: readonly EndpointView[];
  /** For `depends_on`. */
  isCompleted(taskId: string): boolean;
  nowMs: number;
}

/** Whether the agent has every needed capability and is the one named by `assign_to`, if one is named. */
export function isQualified(agent: IdleAgent, task: Pick<Task, "needed_capabilities" | "assign_to">): boolean {
  if (task.assign_to !== null && task.assign_to !== agent.agentId) return false;
  return task.needed_capabilities.every((capability) => agent.capabilities.includes(capability));
}

/**
 * Greedy pairs, in dequeue order of the tasks, one task per agent. An agent on the selected endpoint's host is preferred.
 * O(tasks × agents).
 */
export function schedule(view: ScheduleView): Assignment[] {
  const idle = [...view.idle];
  const assignments: Assignment[] = [];
  for (const task of [...view.queued].sort(byDequeueOrder)) {
    if (idle.length === 0) break;
    if (!task.depends_on.every((taskId) => view.isCompleted(taskId))) continue;
    const qualified = idle.filter((agent) => isQualified(agent, task));
    if (qualified.length === 0) continue;
    const decision = routeTask(task, view.endpoints, view.nowMs);
    const host = hostOf(decision, view.endpoints);
    const agent = qualified.find((each) => host !== null && each.ollamaHost === host) ?? (qualified[0] as IdleAgent);
    idle.splice(idle.indexOf(agent), 1);
    assignments.push({ taskId: task.id, agentId: agent.agentId, decision });
  }
  return assignments;
}

/** The host of the endpoint that a decision selected; null where none was, or where it is no endpoint of ours. */
export function hostOf(decision: RoutingDecision, endpoints: readonly EndpointView[]): string | null {
  if (decision.selected_endpoint === null) return null;
  return endpoints.find((endpoint) => endpoint.id === decision.selected_endpoint)?.host ?? null;
}
