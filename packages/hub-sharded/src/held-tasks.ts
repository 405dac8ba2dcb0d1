/** The tasks that agents of this node hold, each with the hold that proves it. */
import type { Task } from "@hubscale/protocol";
import type { Hold, TaskQueue } from "./backbone.ts";

export interface HeldTask {
  readonly queue: TaskQueue;
  readonly taskId: string;
  readonly agentId: string;
  hold: Hold;
  /** As it is now, with touches that the engine does not know yet. */
  task: Task;
  /** Something of it is not stored yet. */
  isTouched: boolean;
  /** A command that should have ended the holding got no answer: it may have been done. */
  isInDoubt: boolean;
  /** Set while a command that ends the holding is under way. */
  settling: Promise<unknown> | undefined;
}

export class HeldTasks {
  readonly #byId = new Map<string, HeldTask>();
  readonly #byAgent = new Map<string, Set<HeldTask>>();

  get size(): number {
    return this.#byId.size;
  }

  add(held: HeldTask): void {
    this.#byId.set(held.taskId, held);
    const ofAgent = this.#byAgent.get(held.agentId);
    if (ofAgent) ofAgent.add(held);
    else this.#byAgent.set(held.agentId, new Set([held]));
  }

  remove(held: HeldTask): void {
    if (this.#byId.get(held.taskId) === held) this.#byId.delete(held.taskId);
    const ofAgent = this.#byAgent.get(held.agentId);
    ofAgent?.delete(held);
    if (ofAgent?.size === 0) this.#byAgent.delete(held.agentId);
  }

  get(taskId: string): HeldTask | undefined {
    return this.#byId.get(taskId);
  }

  /** Normally one; two for a moment when an agent's old task is still being returned. */
  ofAgent(agentId: string): HeldTask[] {
    return [...(this.#byAgent.get(agentId) ?? [])];
  }

  all(): Iterable<HeldTask> {
    return this.#byId.values();
  }
}
