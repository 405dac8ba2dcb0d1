/** The task desk of the single hub: every answer is given after the store has what it rests on. */
import { failureIn, newTask, type TaskDraft } from "@hubscale/hub-core";
import type {
  Clock,
  RandomHex,
  ReportOutcome,
  Roster,
  RosterEvent,
  SubmissionKey,
  SubmitOutcome,
  SubmittedTask,
  TaskChange,
  TaskDesk,
  TaskReport,
} from "@hubscale/hub-runtime";
import type { SidecarFrameOf, Task, TaskFilter, TaskStats } from "@hubscale/protocol";
import type { RowOperation } from "./backplane/durable-rows.ts";
import type { Dependents } from "./dispatch/dependents.ts";
import type { Dispatcher } from "./dispatch/dispatcher.ts";
import type { Holdings } from "./dispatch/holdings.ts";
import type { Recovery } from "./recovery.ts";
import type { Sweeps } from "./sweeps.ts";
import type { SubmissionKeys } from "./table/submission-keys.ts";
import type { TaskCommands } from "./table/task-commands.ts";
import type { TaskTable } from "./table/task-table.ts";
import type { TouchOutcome, Touches } from "./touches.ts";
import type { TaskView } from "./view/task-view.ts";

export interface DeskParts {
  table: TaskTable;
  commands: TaskCommands;
  view: TaskView;
  dispatcher: Dispatcher;
  dependents: Dependents;
  holdings: Holdings;
  touches: Touches;
  recovery: Recovery;
  sweeps: Sweeps;
  submissionKeys: SubmissionKeys;
  roster: Roster;
  clock: Clock;
  randomHex: RandomHex;
  /**
   * True: as the reference hub (contract §8), a completion whose result says "failed" completes the task, and it is not checked
   * that an agent speaks of its own task.
   */
  warts: boolean;
  onFailure(error: Error): void;
}

export class SingleDesk implements TaskDesk {
  readonly #parts: DeskParts;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  submit(draft: TaskDraft, key?: SubmissionKey): Promise<SubmitOutcome> {
    if (!key) return this.#submit(draft, () => []);
    return this.#parts.submissionKeys.once(key, (rowsOf) => this.#submit(draft, rowsOf));
  }

  async #submit(draft: TaskDraft, rowsOf: (task: SubmittedTask) => RowOperation[]): Promise<SubmitOutcome> {
    const { table, clock, randomHex } = this.#parts;
    if (draft.depends_on.length > 0) {
      const known = new Set((await table.getMany(draft.depends_on)).map((row) => row.id));
      const unknown = draft.depends_on.filter((taskId) => !known.has(taskId));
      if (unknown.length > 0) return { ok: false, code: "unknown_dependency", taskIds: unknown };
    }
    const task = newTask(`task-${randomHex(8)}`, draft, clock.nowMs());
    await table.insert(task, rowsOf(task));
    return { ok: true, task };
  }

  async report(agentId: string, frame: TaskReport): Promise<ReportOutcome> {
    const outcome = await this.#report(agentId, frame);
    // An agent that was told to drop the task, or spoke of an old generation, is not working on it: the deadline stays.
    if (frame.task_id !== null && outcome.ok && outcome.done !== "abort") this.#parts.recovery.heard(frame.task_id);
    return outcome;
  }

  async command(
    taskId: string,
    command: "cancel" | "retry" | { reclaim: "acceptance_timeout" },
  ): Promise<TaskChange | undefined> {
    const outcome = await this.#parts.commands.run(
      taskId,
      typeof command === "string" ? { type: command } : { type: "reclaim", reason: command.reclaim },
    );
    return outcome.ok ? { before: outcome.before, after: outcome.after } : undefined;
  }

  async find(taskId: string): Promise<Task | undefined> {
    const [task] = await this.#parts.table.getMany([taskId]);
    return task;
  }

  list(filter: TaskFilter): Promise<Task[]> {
    return this.#parts.view.list(filter);
  }

  stats(): Promise<TaskStats> {
    return this.#parts.view.stats();
  }

  notify(event: RosterEvent): void {
    const { dispatcher, recovery, onFailure } = this.#parts;
    dispatcher.notify(event);
    if (event.type === "agent_left") this.#takeBack(event.agentId).catch(onFailure);
    if (event.type === "agent_joined") recovery.joined(event.agentId).catch(onFailure);
  }

  /** The database itself is closed by the backplane, which shares it. */
  async close(): Promise<void> {
    const { dependents, dispatcher, recovery, sweeps, table, touches } = this.#parts;
    recovery.close();
    await sweeps.close();
    await dispatcher.close();
    await dependents.close();
    await touches.close();
    await table.settled();
  }

  #report(agentId: string, frame: TaskReport): Promise<ReportOutcome> {
    switch (frame.type) {
      case "task_accepted":
        return this.#touch(frame.task_id, agentId, "accepted");
      case "task_progress":
        return this.#touch(frame.task_id, agentId, "noted");
      case "wake_result":
        if (frame.status === "success") return this.#touch(frame.task_id, agentId, "noted");
        return Promise.resolve({ ok: true, done: "noted" });
      case "task_complete":
        return this.#complete(agentId, frame);
      case "task_failed":
        return this.#fail(agentId, frame, { error: frame.error ?? frame.reason ?? "no reason given" });
      case "result_too_large":
        return this.#fail(agentId, frame, { error: frame.error, isFinal: true });
      case "task_rejected":
        return this.#reject(agentId, frame.task_id);
      case "task_recovering":
        return this.#resume(agentId, frame.task_id, () => true);
      case "state_report":
        if (frame.task_id === null) return this.#hasNoTask(agentId);
        return this.#resume(agentId, frame.task_id, (row) => row.generation === frame.generation);
    }
  }

  async #touch(taskId: string, agentId: string, done: "accepted" | "noted"): Promise<ReportOutcome> {
    const outcome: TouchOutcome = await this.#parts.touches.touch(taskId, this.#speaker(agentId));
    return outcome.ok ? { ok: true, done } : outcome;
  }

  async #complete(agentId: string, frame: SidecarFrameOf<"task_complete">): Promise<ReportOutcome> {
    const failure = this.#parts.warts ? undefined : failureIn(frame.result);
    if (failure !== undefined) return this.#fail(agentId, frame, { error: failure });
    const outcome = await this.#parts.commands.run(frame.task_id, {
      type: "complete",
      agentId: this.#speaker(agentId),
      generation: frame.generation,
      result: frame.result ?? null,
      tokensUsed: frame.tokens_used ?? null,
      verificationReport: frame.verification_report ?? null,
      verificationHistory: frame.verification_history ?? [],
    });
    return outcome.ok ? { ok: true, done: "complete" } : outcome;
  }

  async #fail(
    agentId: string,
    { task_id, generation }: { task_id: string; generation: number },
    why: { error: string; isFinal?: true },
  ): Promise<ReportOutcome> {
    const outcome = await this.#parts.commands.run(task_id, {
      type: "fail",
      agentId: this.#speaker(agentId),
      generation,
      ...why,
    });
    if (!outcome.ok) return outcome;
    return { ok: true, done: outcome.after?.status === "dead_letter" ? "dead_letter" : "retried" };
  }

  async #reject(agentId: string, taskId: string): Promise<ReportOutcome> {
    const outcome = await this.#parts.commands.run(
      taskId,
      { type: "reclaim", reason: "rejected" },
      (row) => row.assigned_to === agentId,
    );
    return outcome.ok ? { ok: true, done: "requeued" } : outcome;
  }

  /** The agent has this task from before a reconnect: it goes on if the row still says so. */
  async #resume(agentId: string, taskId: string, isCurrent: (row: Task) => boolean): Promise<ReportOutcome> {
    const outcome = await this.#parts.commands.run(taskId, { type: "touch", agentId }, isCurrent);
    if (!outcome.ok) return { ok: true, done: "abort" };
    return { ok: true, done: "continue", generation: outcome.before.generation };
  }

  /** The agent came back without the task that it had: nobody works on that one. */
  async #hasNoTask(agentId: string): Promise<ReportOutcome> {
    const { holdings, recovery } = this.#parts;
    const awaited = recovery.mayTake(agentId) ? [] : holdings.heldBy(agentId);
    for (const held of awaited) {
      await this.#parts.commands.run(
        held.taskId,
        { type: "reclaim", reason: "agent_disconnected" },
        (row) => row.generation === held.generation,
      );
      recovery.heard(held.taskId);
    }
    return { ok: true, done: "abort" };
  }

  async #takeBack(agentId: string): Promise<void> {
    const { commands, holdings } = this.#parts;
    await Promise.all(
      holdings
        .heldBy(agentId)
        .map((held) =>
          commands.run(
            held.taskId,
            { type: "reclaim", reason: "agent_disconnected" },
            (row) => row.generation === held.generation,
          ),
        ),
    );
  }

  /** Whose word the transition checks; null where the hub does not check it. */
  #speaker(agentId: string): string | null {
    return this.#parts.warts ? null : agentId;
  }
}
