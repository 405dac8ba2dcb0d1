import type { IdleAgents } from "./idle-agents.ts";
import type { Lanes } from "./lanes.ts";
import type { IdleAgent } from "./scheduling.ts";

/**
 * Takes the next pair out of lanes and idle agents: the first task in dequeue order that some idle agent can run, with the
 * agent that suits it best. Called until there is none, it makes the same pairs as `schedule`. `preferredHostOf` is asked only
 * for the task that is taken. O(routing classes × capability sets).
 */
export function takePair(
  lanes: Lanes,
  idle: IdleAgents,
  preferredHostOf: (taskId: string) => string | null,
): { taskId: string; agent: IdleAgent } | undefined {
  if (idle.size === 0) return undefined;
  const first = lanes.first((routingClass) => idle.best(routingClass, null) !== undefined);
  if (!first) return undefined;
  const agent = idle.best(first.routingClass, preferredHostOf(first.taskId)) as IdleAgent;
  lanes.remove(first.taskId);
  idle.remove(agent.agentId);
  return { taskId: first.taskId, agent };
}
