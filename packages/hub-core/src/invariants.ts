/** What must hold of every task and of every history of events, whatever happened; for property tests and simulation. */
import { LIMITS, type Task } from "@hubscale/protocol";
import type { TaskEvent } from "./task-transition.ts";

/** What is wrong with a stored task, one sentence each; empty: nothing. */
export function checkTask(task: Task): string[] {
  const rules: [holds: boolean, otherwise: string][] = [
    [Number.isInteger(task.generation) && task.generation >= 0, `generation is ${task.generation}`],
    [task.retry_count >= 0, `retry_count is ${task.retry_count}`],
    [task.history.length > 0, "history is empty"],
    [task.history.length <= LIMITS.historyEntries, `history has ${task.history.length} entries`],
    [(task.assigned_to === null) === (task.assigned_at === null), "assigned_to and assigned_at are not both set"],
    [task.status !== "queued" || task.assigned_to === null, `queued but held by ${task.assigned_to}`],
    [task.status !== "dead_letter" || task.assigned_to === null, `a dead letter, but held by ${task.assigned_to}`],
    [task.status !== "assigned" || task.assigned_to !== null, "assigned to nobody"],
    [task.status !== "assigned" || task.generation > 0, "assigned in generation 0"],
    [task.status !== "completed" || task.assigned_to !== null, "completed by nobody"],
    [
      task.status === "dead_letter" || task.retry_count === 0 || task.retry_count < task.max_retries,
      "has no retries left, yet lives",
    ],
  ];
  return rules.filter(([holds]) => !holds).map(([, otherwise]) => `task ${task.id}: ${otherwise}`);
}

/** One thing that a hub did to a task, with the generation that the task had afterwards. */
export interface LifecycleEntry {
  taskId: string;
  what: "submitted" | TaskEvent["type"];
  generation: number;
}

/**
 * Follows the histories of many tasks and says where one breaks the rules: generations never fall and rise by one with each
 * assignment and each return to the queue; only an assigned task completes, and once; nothing comes after an end.
 */
export class LifecycleChecker {
  readonly #tasks = new Map<string, { phase: Phase; generation: number }>();

  /** What is wrong with this entry after those before it; empty: nothing. */
  observe(entry: LifecycleEntry): string[] {
    const known = this.#tasks.get(entry.taskId);
    const rule = RULES[entry.what];
    const phase = known?.phase ?? "absent";
    const generation = (known?.generation ?? 0) + rule.rises;
    this.#tasks.set(entry.taskId, { phase: rule.to ?? phase, generation: entry.generation });
    const found: string[] = [];
    if (!rule.from.includes(phase)) found.push(`task ${entry.taskId}: ${entry.what} while ${phase}`);
    if (entry.generation !== generation) {
      found.push(`task ${entry.taskId}: ${entry.what} in generation ${entry.generation}, expected ${generation}`);
    }
    return found;
  }

  /** Tasks that were submitted and neither completed, nor cancelled, nor are dead letters. */
  open(): string[] {
    return [...this.#tasks]
      .filter(([, task]) => task.phase === "queued" || task.phase === "assigned")
      .map(([taskId]) => taskId);
  }

  /** Where the histories disagree with what is stored: tasks lost, risen from the dead, or in another state. */
  compare(stored: Iterable<Task>): string[] {
    const byId = new Map([...stored].map((task) => [task.id, task]));
    const found: string[] = [];
    for (const [taskId, { phase, generation }] of this.#tasks) {
      const task = byId.get(taskId);
      const expected = phase === "cancelled" ? "absent" : phase;
      const actual = task?.status ?? "absent";
      if (expected !== actual) found.push(`task ${taskId}: is ${actual}, should be ${expected}`);
      if (task && task.generation !== generation) {
        found.push(`task ${taskId}: is in generation ${task.generation}, should be in ${generation}`);
      }
      byId.delete(taskId);
    }
    for (const taskId of byId.keys()) found.push(`task ${taskId}: is stored but was never submitted`);
    return found;
  }
}

type Phase = "absent" | "queued" | "assigned" | "completed" | "dead_letter" | "cancelled";

/** Written apart from the transition table on purpose: it is the second opinion. `to` absent: the phase stays. */
const RULES: Record<LifecycleEntry["what"], { from: readonly Phase[]; to?: Phase; rises: 0 | 1 }> = {
  submitted: { from: ["absent"], to: "queued", rises: 0 },
  routed: { from: ["queued"], rises: 0 },
  assigned: { from: ["queued"], to: "assigned", rises: 1 },
  touched: { from: ["assigned"], rises: 0 },
  completed: { from: ["assigned"], to: "completed", rises: 0 },
  requeued: { from: ["assigned", "dead_letter"], to: "queued", rises: 1 },
  dead_lettered: { from: ["queued", "assigned"], to: "dead_letter", rises: 0 },
  cancelled: { from: ["queued", "assigned"], to: "cancelled", rises: 0 },
};
