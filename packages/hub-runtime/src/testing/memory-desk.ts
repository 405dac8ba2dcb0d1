import {
  byDequeueOrder,
  cancelledDependencyOf,
  newTask,
  type ReclaimReason,
  schedule,
  type TaskCommand,
  type TaskDraft,
  type Transition,
  transition,
} from "@hubscale/hub-core";
import type { Task, TaskFilter, TaskStats } from "@hubscale/protocol";
import type {
  Clock,
  HubView,
  RandomHex,
  ReportOutcome,
  Roster,
  RosterEvent,
  SubmissionKey,
  SubmitOutcome,
  TaskChange,
  TaskDesk,
  TaskReport,
} from "../ports.ts";

export interface MemoryDeskOptions {
  roster: Roster;
  view: HubView;
  clock: Clock;
  randomHex: RandomHex;
}

/** A desk without a store: every task is lost with the process. No sweeps. For tests of the edge. */
export class MemoryDesk implements TaskDesk {
  readonly #options: MemoryDeskOptions;
  readonly #tasks = new Map<string, Task>();
  readonly #submissions = new Map<string, { fingerprint: string; outcome: SubmitOutcome }>();
  #isPassPending = false;
  #isClosed = false;

  constructor(options: MemoryDeskOptions) {
    this.#options = options;
  }

  async submit(draft: TaskDraft, key?: SubmissionKey): Promise<SubmitOutcome> {
    const earlier = key && this.#submissions.get(key.hash);
    if (earlier) return earlier.fingerprint === key.fingerprint ? earlier.outcome : { ok: false, code: "key_reused" };
    const unknown = draft.depends_on.filter((taskId) => !this.#tasks.has(taskId));
    if (unknown.length > 0) return { ok: false, code: "unknown_dependency", taskIds: unknown };
    const task = newTask(`task-${this.#options.randomHex(8)}`, draft, this.#options.clock.nowMs());
    this.#tasks.set(task.id, task);
    this.#checkDependencies(task);
    this.#wake();
    const outcome = { ok: true, task } as const;
    if (key) this.#submissions.set(key.hash, { fingerprint: key.fingerprint, outcome });
    return outcome;
  }

  async report(agentId: string, frame: TaskReport): Promise<ReportOutcome> {
    const taskId = frame.task_id;
    const task = taskId === null ? undefined : this.#tasks.get(taskId);
    if (!task) return { ok: false, code: "not_found" };
    switch (frame.type) {
      case "task_accepted":
        return outcomeOf(this.#apply(task, { type: "touch", agentId }), "accepted");
      case "task_progress":
        return outcomeOf(this.#apply(task, { type: "touch", agentId }), "noted");
      case "wake_result":
        return frame.status === "success"
          ? outcomeOf(this.#apply(task, { type: "touch", agentId }), "noted")
          : { ok: true, done: "noted" };
      case "task_complete":
        return outcomeOf(
          this.#apply(task, {
            type: "complete",
            agentId,
            generation: frame.generation,
            result: frame.result ?? null,
            tokensUsed: frame.tokens_used ?? null,
            verificationReport: frame.verification_report ?? null,
            verificationHistory: frame.verification_history ?? [],
          }),
          "complete",
        );
      case "result_too_large":
      case "task_failed": {
        const { generation } = frame;
        const failed = this.#apply(
          task,
          frame.type === "task_failed"
            ? { type: "fail", agentId, generation, error: frame.error ?? frame.reason ?? "unknown" }
            : { type: "fail", agentId, generation, error: frame.error, isFinal: true },
        );
        return outcomeOf(failed, failed.ok && failed.event.type === "dead_lettered" ? "dead_letter" : "retried");
      }
      case "task_rejected":
        if (task.assigned_to !== agentId) return { ok: false, code: "wrong_agent" };
        return outcomeOf(this.#apply(task, { type: "reclaim", reason: "rejected" }), "requeued");
      case "task_recovering":
        return isHeldBy(task, agentId)
          ? { ok: true, done: "continue", generation: task.generation }
          : { ok: true, done: "abort" };
      case "state_report":
        if (!isHeldBy(task, agentId) || task.generation !== frame.generation) return { ok: true, done: "abort" };
        this.#apply(task, { type: "touch", agentId });
        return { ok: true, done: "continue", generation: task.generation };
    }
  }

  async command(
    taskId: string,
    command: "cancel" | "retry" | { reclaim: "acceptance_timeout" },
  ): Promise<TaskChange | undefined> {
    const before = this.#tasks.get(taskId);
    if (!before) return undefined;
    const changed = this.#apply(
      before,
      typeof command === "string" ? { type: command } : { type: "reclaim", reason: command.reclaim },
    );
    return changed.ok ? { before, after: changed.task } : undefined;
  }

  async find(taskId: string): Promise<Task | undefined> {
    return this.#tasks.get(taskId);
  }

  async list(filter: TaskFilter): Promise<Task[]> {
    const wanted = Object.entries(filter) as [keyof TaskFilter, unknown][];
    return [...this.#tasks.values()]
      .filter((task) => wanted.every(([field, value]) => task[field] === value))
      .sort(byDequeueOrder);
  }

  async stats(): Promise<TaskStats> {
    const tasks = [...this.#tasks.values()];
    const queued = tasks.filter(({ status }) => status === "queued");
    const live = tasks.filter(({ status }) => status !== "dead_letter");
    return {
      by_status: countBy(live, ({ status }) => status),
      by_priority: countBy(queued, ({ priority }) => String(priority)),
      dead_letter: tasks.length - live.length,
      queued_index_size: queued.length,
    };
  }

  notify(event: RosterEvent): void {
    if (event.type === "agent_left") {
      for (const task of this.#tasks.values()) if (isHeldBy(task, event.agentId)) this.#reclaim(task, "agent_disconnected");
    }
    this.#wake();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  #apply(task: Task, command: TaskCommand): Transition {
    const next = transition(task, command, this.#options.clock.nowMs());
    if (!next.ok) return next;
    if (next.task) this.#tasks.set(task.id, next.task);
    else this.#tasks.delete(task.id);
    const cancelled = next.task ? cancelledDependencyOf(next.task) : task.id;
    if (cancelled !== undefined) this.#tellDependents(task.id, cancelled);
    if (next.task?.status === "queued" && task.status === "dead_letter") this.#checkDependencies(next.task);
    if (next.event.type === "requeued" || next.event.type === "completed") this.#wake();
    return next;
  }

  #tellDependents(taskId: string, cancelled: string): void {
    for (const task of this.#tasks.values()) {
      if (task.status === "queued" && task.depends_on.includes(taskId))
        this.#apply(task, { type: "lose_dependency", cancelled });
    }
  }

  /** While it was a dead letter it was told of nothing. */
  #checkDependencies(task: Task): void {
    for (const taskId of task.depends_on) {
      const dependency = this.#tasks.get(taskId);
      const cancelled = dependency ? cancelledDependencyOf(dependency) : taskId;
      if (cancelled !== undefined) return void this.#apply(task, { type: "lose_dependency", cancelled });
    }
  }

  #reclaim(task: Task, reason: ReclaimReason): void {
    this.#apply(task, { type: "reclaim", reason });
  }

  /** One pass for all the occasions of a moment. */
  #wake(): void {
    if (this.#isPassPending || this.#isClosed) return;
    this.#isPassPending = true;
    this.#options.clock.after(0, () => {
      this.#isPassPending = false;
      if (!this.#isClosed) this.#pass();
    });
  }

  #pass(): void {
    const { roster, view, clock } = this.#options;
    const assignments = schedule({
      queued: [...this.#tasks.values()].filter(({ status }) => status === "queued"),
      idle: [...roster.idleAgents()],
      endpoints: view.endpoints(),
      isCompleted: (taskId) => this.#tasks.get(taskId)?.status === "completed",
      nowMs: clock.nowMs(),
    });
    for (const { taskId, agentId, decision } of assignments) {
      const routed = this.#apply(this.#tasks.get(taskId) as Task, { type: "route", decision });
      if (!routed.ok || !routed.task) continue;
      const assigned = this.#apply(routed.task, { type: "assign", agentId });
      if (!assigned.ok || !assigned.task) continue;
      if (!roster.assign(agentId, assigned.task)) this.#reclaim(assigned.task, "agent_disconnected");
    }
  }
}

function outcomeOf(
  changed: Transition,
  done: "accepted" | "noted" | "complete" | "retried" | "dead_letter" | "requeued",
): ReportOutcome {
  return changed.ok ? { ok: true, done } : { ok: false, code: changed.code };
}

function isHeldBy(task: Task, agentId: string): boolean {
  return task.status === "assigned" && task.assigned_to === agentId;
}

function countBy<T>(values: readonly T[], keyOf: (value: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[keyOf(value)] = (counts[keyOf(value)] ?? 0) + 1;
  return counts;
}
