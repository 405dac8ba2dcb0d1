/** From a pair to an assigned task: routing stored, assignment stored, and only then the push to the agent. */
import type { Assignment } from "@hubscale/hub-core";
import type { Cancel, Clock, Roster } from "@hubscale/hub-runtime";
import { TIMERS } from "@hubscale/protocol";
import type { TaskCommands } from "../table/task-commands.ts";
import type { Holdings } from "./holdings.ts";

/**
 * `task_gone`: it was no longer queued, or was taken back while its assignment was on its way to the disk. `agent_gone`: the
 * agent is away, or may not be given a task now; the task went back to the queue.
 */
export type HandOverOutcome = "given" | "task_gone" | "agent_gone";

export class HandOver {
  readonly #commands: TaskCommands;
  readonly #holdings: Holdings;
  readonly #roster: Roster;
  readonly #clock: Clock;
  #fallbackTimer: Cancel | undefined;

  constructor(parts: { commands: TaskCommands; holdings: Holdings; roster: Roster; clock: Clock }) {
    this.#commands = parts.commands;
    this.#holdings = parts.holdings;
    this.#roster = parts.roster;
    this.#clock = parts.clock;
  }

  async give({ taskId, agentId, decision }: Assignment): Promise<HandOverOutcome> {
    // Asked for together: two changes one after the other in a serial table, one row of one commit in a grouping one.
    const [, assigned] = await Promise.all([
      this.#commands.run(taskId, { type: "route", decision }),
      this.#commands.run(taskId, { type: "assign", agentId }),
    ]);
    if (!assigned.ok || !assigned.after) return "task_gone";
    const { after } = assigned;
    // While the commit was on its way the task may have been cancelled or taken back, and a later owner may have it.
    if (this.#holdings.generationOf(taskId) !== after.generation) return "task_gone";
    if (this.#roster.assign(agentId, after)) return "given";
    await this.#commands.run(
      taskId,
      { type: "reclaim", reason: "agent_disconnected" },
      (row) => row.generation === after.generation,
    );
    return "agent_gone";
  }

  /** Calls `again` once, some seconds from now: a task went out without its endpoint, and one may have come up by then. */
  retryLater(again: () => void): void {
    this.#fallbackTimer ??= this.#clock.after(TIMERS.fallbackMs, () => {
      this.#fallbackTimer = undefined;
      again();
    });
  }

  close(): void {
    this.#fallbackTimer?.();
    this.#fallbackTimer = undefined;
  }
}
