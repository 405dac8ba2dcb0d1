/** What becomes, after a restart, of tasks that were assigned before it. */
import type { Cancel, Clock, Roster } from "@hubscale/hub-runtime";
import { TIMERS } from "@hubscale/protocol";
import type { AgentTasks, HeldTask } from "./dispatch/holdings.ts";
import type { TaskCommands } from "./table/task-commands.ts";

export interface Recovery {
  /** An agent connected. */
  joined(agentId: string): Promise<void>;
  /** An agent spoke of this task. */
  heard(taskId: string): void;
  /** False: the agent is expected to speak of a task that it had, and gets no other until then. */
  mayTake(agentId: string): boolean;
  close(): void;
}

interface RecoveryParts {
  commands: TaskCommands;
  agentTasks: AgentTasks;
  clock: Clock;
  onFailure(error: Error): void;
}

/** Takes tasks back one by one, after a time in which nobody spoke of them. */
class Deadlines {
  readonly #parts: RecoveryParts;
  readonly #cancels = new Map<string, Cancel>();

  constructor(parts: RecoveryParts) {
    this.#parts = parts;
  }

  /** Sets the deadline anew. `onTaken` is called once the task is back in the queue, or was found to be another's. */
  set({ taskId, generation }: HeldTask, withinMs: number, onTaken: () => void): void {
    this.clear(taskId);
    const cancel = this.#parts.clock.after(withinMs, () => {
      this.#cancels.delete(taskId);
      this.#takeBack(taskId, generation).then(onTaken).catch(this.#parts.onFailure);
    });
    this.#cancels.set(taskId, cancel);
  }

  /** False: there was none. */
  clear(taskId: string): boolean {
    this.#cancels.get(taskId)?.();
    return this.#cancels.delete(taskId);
  }

  close(): void {
    for (const cancel of this.#cancels.values()) cancel();
    this.#cancels.clear();
  }

  async #takeBack(taskId: string, generation: number): Promise<void> {
    const command = { type: "reclaim", reason: "acceptance_timeout" } as const;
    await this.#parts.commands.run(taskId, command, (row) => row.generation === generation);
  }
}

/**
 * As the reference hub: a returning agent is not sent its task again and counts as idle at once; the task goes back 60 s after
 * the agent's return, unless the agent speaks of it, and by the sweep for stuck tasks if the agent stays away.
 */
export class RecoveryOnReturn implements Recovery {
  readonly #parts: RecoveryParts;
  readonly #deadlines: Deadlines;

  constructor(parts: RecoveryParts) {
    this.#parts = parts;
    this.#deadlines = new Deadlines(parts);
  }

  async joined(agentId: string): Promise<void> {
    const joinedAt = this.#parts.clock.nowMs();
    for (const held of await this.#parts.agentTasks.tasksOf(agentId)) {
      // While the table was read the agent may have been given work: that is watched by the roster.
      if (held.assignedAt < joinedAt) this.#deadlines.set(held, TIMERS.acceptWithinMs, () => undefined);
    }
  }

  heard(taskId: string): void {
    this.#deadlines.clear(taskId);
  }

  mayTake(): boolean {
    return true;
  }

  close(): void {
    this.#deadlines.close();
  }
}

/**
 * Mended: every task that was assigned when the hub started has 60 s in which its agent must come back, and from then a few
 * seconds in which it must speak of the task. Until then a returning agent is not given another; it goes on with its own, is
 * told to drop it, or, if it is silent, never had it or has lost it.
 */
export class RecoveryFromStart implements Recovery {
  readonly #deadlines: Deadlines;
  readonly #awaited: Map<string, HeldTask>;
  readonly #roster: Roster;
  readonly #freed: (agentId: string) => void;

  /** `freed` is called with an agent that need no longer be waited for. */
  constructor(parts: RecoveryParts & { held: readonly HeldTask[]; roster: Roster; freed(agentId: string): void }) {
    this.#deadlines = new Deadlines(parts);
    this.#roster = parts.roster;
    this.#freed = (agentId) => parts.freed(agentId);
    this.#awaited = new Map(parts.held.map((held) => [held.taskId, held]));
    for (const held of parts.held) this.#await(held, TIMERS.acceptWithinMs);
  }

  joined(agentId: string): Promise<void> {
    for (const held of this.#awaitedOf(agentId)) this.#await(held, SPEAK_WITHIN_MS);
    return Promise.resolve();
  }

  heard(taskId: string): void {
    if (this.#deadlines.clear(taskId)) this.#settle(taskId);
  }

  mayTake(agentId: string): boolean {
    return this.#awaited.size === 0 || this.#awaitedOf(agentId).length === 0;
  }

  close(): void {
    this.#deadlines.close();
  }

  #await(held: HeldTask, withinMs: number): void {
    this.#deadlines.set(held, withinMs, () => this.#settle(held.taskId));
  }

  #awaitedOf(agentId: string): HeldTask[] {
    return [...this.#awaited.values()].filter((held) => held.agentId === agentId);
  }

  #settle(taskId: string): void {
    const agentId = this.#awaited.get(taskId)?.agentId;
    this.#awaited.delete(taskId);
    if (agentId !== undefined && this.#roster.get(agentId)) this.#freed(agentId);
  }
}

/** A sidecar reports its state with its first frames after a connect; a resource report, its next sign, comes after 5 s. */
const SPEAK_WITHIN_MS = 5_000;
