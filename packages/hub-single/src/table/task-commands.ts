/** Runs the commands of the task's state machine on the rows of a table. */
import { type RefusalCode, type TaskCommand, type TaskEvent, transition } from "@hubscale/hub-core";
import type { Clock } from "@hubscale/hub-runtime";
import type { Task } from "@hubscale/protocol";
import type { TaskTable } from "./task-table.ts";

export type CommandOutcome =
  | { ok: true; before: Task; after: Task | undefined; event: TaskEvent }
  | { ok: false; code: RefusalCode | "not_found" };

export class TaskCommands {
  readonly #table: TaskTable;
  readonly #clock: Clock;

  constructor(table: TaskTable, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
  }

  /**
   * Resolves when the change is durable. `onlyIf` is asked with the row in its turn; where it says no, the command is refused
   * as `invalid_state`.
   */
  run(taskId: string, command: TaskCommand, onlyIf: (row: Task) => boolean = () => true): Promise<CommandOutcome> {
    return this.#table.mutate<CommandOutcome>(taskId, (before) => {
      if (!before) return { answer: { ok: false, code: "not_found" } };
      if (!onlyIf(before)) return { answer: { ok: false, code: "invalid_state" } };
      const next = transition(before, command, this.#clock.nowMs());
      if (!next.ok) return { answer: next };
      return { answer: { ok: true, before, after: next.task, event: next.event }, row: next.task ?? null };
    });
  }
}
