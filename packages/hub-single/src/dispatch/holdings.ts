/** Which agent holds which task, as the rows say. */
import type { Task } from "@hubscale/protocol";
import type { RowObserver, TaskTable } from "../table/task-table.ts";

export interface HeldTask {
  taskId: string;
  agentId: string;
  generation: number;
  /** Unix milliseconds. */
  assignedAt: number;
}

/** What the hub looks up when an agent connects (C8). */
export interface AgentTasks {
  tasksOf(agentId: string): Promise<HeldTask[]>;
}

/** Kept in memory, up to date with the table. */
export class Holdings implements RowObserver, AgentTasks {
  readonly #byTask = new Map<string, HeldTask>();
  readonly #byAgent = new Map<string, Map<string, HeldTask>>();

  constructor(live: Iterable<Task>) {
    for (const task of live) this.changed(undefined, task);
  }

  changed(before: Task | undefined, after: Task | undefined): void {
    if (before?.status === "assigned") this.#remove(before.id);
    const held = after && heldTaskOf(after);
    if (!held) return;
    this.#byTask.set(held.taskId, held);
    const ofAgent = this.#byAgent.get(held.agentId);
    if (ofAgent) ofAgent.set(held.taskId, held);
    else this.#byAgent.set(held.agentId, new Map([[held.taskId, held]]));
  }

  holderOf(taskId: string): string | undefined {
    return this.#byTask.get(taskId)?.agentId;
  }

  /** Undefined: nobody holds it. */
  generationOf(taskId: string): number | undefined {
    return this.#byTask.get(taskId)?.generation;
  }

  all(): HeldTask[] {
    return [...this.#byTask.values()];
  }

  heldBy(agentId: string): HeldTask[] {
    return [...(this.#byAgent.get(agentId)?.values() ?? [])];
  }

  tasksOf(agentId: string): Promise<HeldTask[]> {
    return Promise.resolve(this.heldBy(agentId));
  }

  #remove(taskId: string): void {
    const held = this.#byTask.get(taskId);
    if (!held) return;
    this.#byTask.delete(taskId);
    const ofAgent = this.#byAgent.get(held.agentId);
    ofAgent?.delete(taskId);
    if (ofAgent?.size === 0) this.#byAgent.delete(held.agentId);
  }
}

/** Found by reading every row of the table (C8). */
export class ScannedAgentTasks implements AgentTasks {
  readonly #table: TaskTable;

  constructor(table: TaskTable) {
    this.#table = table;
  }

  async tasksOf(agentId: string): Promise<HeldTask[]> {
    const found: HeldTask[] = [];
    await this.#table.fold((task) => {
      const held = heldTaskOf(task);
      if (held?.agentId === agentId) found.push(held);
    });
    return found;
  }
}

function heldTaskOf(task: Task): HeldTask | undefined {
  if (task.status !== "assigned" || task.assigned_to === null || task.assigned_at === null) return undefined;
  return { taskId: task.id, agentId: task.assigned_to, generation: task.generation, assignedAt: task.assigned_at };
}
