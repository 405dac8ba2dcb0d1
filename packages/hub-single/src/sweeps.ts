/** The timers that find tasks which nobody else looks after (contract §5). */
import { isTooOld, wasTakenAsOverdue } from "@hubscale/hub-core";
import type { Cancel, Clock, Roster } from "@hubscale/hub-runtime";
import { TIMERS, type Task } from "@hubscale/protocol";
import type { SubmissionKeys } from "./table/submission-keys.ts";
import type { TaskCommands } from "./table/task-commands.ts";
import type { TaskView } from "./view/task-view.ts";

export class Sweeps {
  readonly #view: TaskView;
  readonly #commands: TaskCommands;
  readonly #roster: Roster;
  readonly #clock: Clock;
  readonly #takesOverdueAgain: boolean;
  readonly #cancels: Cancel[];
  readonly #underWay = new Set<Promise<void>>();

  constructor(parts: {
    view: TaskView;
    commands: TaskCommands;
    roster: Roster;
    clock: Clock;
    submissionKeys: SubmissionKeys;
    /** True: as the reference hub, a task whose deadline has passed is taken from each of its agents, at every sweep. */
    takesOverdueAgain: boolean;
    onFailure(error: Error): void;
  }) {
    this.#view = parts.view;
    this.#commands = parts.commands;
    this.#roster = parts.roster;
    this.#clock = parts.clock;
    this.#takesOverdueAgain = parts.takesOverdueAgain;
    const every = (everyMs: number, sweep: () => Promise<void>) =>
      parts.clock.every(everyMs, () => {
        const swept = sweep()
          .catch((error: Error) => parts.onFailure(error))
          .finally(() => this.#underWay.delete(swept));
        this.#underWay.add(swept);
      });
    this.#cancels = [
      every(TIMERS.stuckSweepEveryMs, () => this.#reclaimStuck()),
      every(TIMERS.overdueSweepEveryMs, () => this.#reclaimOverdue()),
      every(TIMERS.ttlSweepEveryMs, () => this.#expire()),
      every(TIMERS.ttlSweepEveryMs, () => parts.submissionKeys.dropOld()),
    ];
  }

  /** Resolves when no sweep is under way. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  /** Begins no more, and ends with the last. */
  close(): Promise<void> {
    for (const cancel of this.#cancels) cancel();
    return this.settled();
  }

  async #reclaimStuck(): Promise<void> {
    for (const task of await this.#view.list({ status: "assigned" })) {
      if (this.#clock.nowMs() - task.updated_at >= this.#patienceMs(task)) await this.#reclaim(task, "stuck");
    }
  }

  async #reclaimOverdue(): Promise<void> {
    for (const task of await this.#view.list({ status: "assigned" })) {
      if (task.complete_by === null || task.complete_by > this.#clock.nowMs()) continue;
      if (this.#takesOverdueAgain || !wasTakenAsOverdue(task)) await this.#reclaim(task, "overdue");
    }
  }

  async #expire(): Promise<void> {
    const isExpired = (task: Task) => isTooOld(task, this.#clock.nowMs());
    for (const task of await this.#view.list({ status: "queued" })) {
      if (isExpired(task)) await this.#commands.run(task.id, { type: "expire" }, isExpired);
    }
  }

  /** An agent that works on this very task is given longer than one that is away or says it is doing something else. */
  #patienceMs(task: Task): number {
    const agent = this.#roster.get(task.assigned_to ?? "");
    const isWorking = agent?.state === "working" && agent.taskId === task.id;
    return isWorking ? TIMERS.stuckWorkingMs : TIMERS.stuckUntouchedMs;
  }

  async #reclaim(task: Task, reason: "stuck" | "overdue"): Promise<void> {
    const outcome = await this.#commands.run(
      task.id,
      { type: "reclaim", reason },
      (row) => row.generation === task.generation && row.updated_at === task.updated_at,
    );
    if (outcome.ok && task.assigned_to !== null) this.#roster.release(task.assigned_to, task.id);
  }
}
