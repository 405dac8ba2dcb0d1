/** What an agent says of a task: to the desk, and the desk's outcome back as the contract's frame, with the agent's state moved. */
import type { ErrorFrame, SidecarFrameOf } from "@hubscale/protocol";
import type { ConnectedAgent } from "./connected-agent.ts";
import { jsonBytesOf, recordBytesFor } from "./document-size.ts";
import type { HubMetrics } from "./hub-metrics.ts";
import {
  type Clock,
  Refused,
  type ReportOutcome,
  type ResultTooLarge,
  type TaskDesk,
  type TaskReportFrame,
  Unavailable,
} from "./ports.ts";
import type { LocalRoster } from "./roster.ts";

export interface TaskReportsOptions {
  clock: Clock;
  tasks: TaskDesk;
  roster: LocalRoster;
  metrics: HubMetrics;
  documentBytes: number;
  /** The store broke in a way that the hub must not survive. */
  onBroken(error: unknown): void;
}

/** Reports of one agent that wait for the store at most; what it sends beyond that is refused. */
const KEPT_MAX = 4;

export class TaskReports {
  readonly #options: TaskReportsOptions;
  readonly #kept = new WeakMap<ConnectedAgent, number>();

  constructor(options: TaskReportsOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the answer has been sent, or waits for the store to be back. Rejects only with what should stop the hub.
   * `largeBytes`: of a result that is above `LIMITS.resultBytes`, otherwise 0.
   */
  async handle(agent: ConnectedAgent, frame: TaskReportFrame, largeBytes = 0): Promise<void> {
    const { clock, tasks, metrics } = this.#options;
    if (frame.type === "state_report" && frame.task_id === null) {
      agent.line.send({ type: "state_report_ack", task_id: null, action: "abort" });
      return;
    }
    const startedAtMs = clock.monotonicMs();
    let outcome: ReportOutcome;
    try {
      const isExcessive =
        largeBytes > 0 && frame.type === "task_complete" && (await this.#isExcessive(frame.task_id, largeBytes));
      outcome = await tasks.report(agent.agentId, isExcessive ? tooLarge(frame, largeBytes) : frame);
    } catch (error) {
      // Nothing holds the agent or the task: it is told so as of any other refusal, also when this is a later try.
      if (error instanceof Refused) return this.#answer(agent, frame, { ok: false, code: error.code });
      if (!(error instanceof Unavailable)) throw error;
      metrics.counters.unavailable++;
      // Lost progress is no loss; every other frame has an answer that the agent waits for.
      if (frame.type === "task_progress" || this.#keep(agent, frame, { largeBytes, afterMs: error.retryAfterMs })) {
        return;
      }
      return agent.line.send(refusalOf(frame, "unavailable", error.retryAfterMs));
    }
    this.#answer(agent, frame, outcome);
    metrics.report.add(clock.monotonicMs() - startedAtMs);
  }

  /**
   * Handles the report again after a while, beside what the agent sends meanwhile: it would not say these again, and wait for ever or
   * lose its work. False: it is not one of these, or there are too many.
   */
  #keep(
    agent: ConnectedAgent,
    frame: TaskReportFrame,
    { largeBytes, afterMs }: { largeBytes: number; afterMs: number },
  ): boolean {
    const { clock, onBroken } = this.#options;
    const kept = this.#kept.get(agent) ?? 0;
    if (kept >= KEPT_MAX || !isSaidOnce(agent, frame)) return false;
    this.#kept.set(agent, kept + 1);
    clock.after(afterMs, () => {
      this.#kept.set(agent, (this.#kept.get(agent) ?? 1) - 1);
      if (agent.line.isOpen) this.handle(agent, frame, largeBytes).catch(onBroken);
    });
    return true;
  }

  /** Whether a result does not fit into a record beside its task. */
  async #isExcessive(taskId: string, resultBytes: number): Promise<boolean> {
    const task = await this.#options.tasks.find(taskId);
    return jsonBytesOf(task ?? {}) + resultBytes > recordBytesFor(this.#options.documentBytes);
  }

  #answer(agent: ConnectedAgent, frame: TaskReportFrame, outcome: ReportOutcome): void {
    const { roster } = this.#options;
    switch (frame.type) {
      case "task_progress":
      case "wake_result":
        return;
      case "task_accepted":
        if (!outcome.ok) return agent.line.send(refusalOf(frame, outcome.code));
        roster.accepted(agent, frame.task_id);
        return agent.line.send({ type: "task_ack", task_id: frame.task_id, status: "accepted" });
      case "task_complete":
      case "task_failed":
        return this.#ended(agent, frame, outcome);
      case "task_rejected":
        return roster.rejected(agent, frame.task_id, REJECTED_PASS_OVER_MS);
      case "task_recovering":
      case "state_report": {
        const goesOn = outcome.ok && outcome.done === "continue";
        if (goesOn) roster.resumed(agent, frame.task_id as string);
        if (frame.type === "state_report") {
          return agent.line.send({ type: "state_report_ack", task_id: frame.task_id, action: goesOn ? "continue" : "abort" });
        }
        if (goesOn) {
          return agent.line.send({ type: "task_continue", task_id: frame.task_id, generation: outcome.generation });
        }
        return agent.line.send({ type: "task_reassign", task_id: frame.task_id });
      }
    }
  }

  /** Durable by now. The agent is idle before it is told so, and may be handed its next task only after. */
  #ended(agent: ConnectedAgent, frame: TaskReportFrame & { task_id: string }, outcome: ReportOutcome): void {
    const { roster, tasks, metrics } = this.#options;
    // A refused report ends the work too: the task was taken from the agent, which is free now.
    const isFreed = roster.finished(agent, frame.task_id);
    if (!outcome.ok) {
      agent.line.send(refusalOf(frame, outcome.code));
    } else if (outcome.done === "complete" || outcome.done === "retried" || outcome.done === "dead_letter") {
      metrics.counters[outcome.done === "complete" ? "tasks_completed" : "tasks_failed"]++;
      agent.line.send({ type: "task_ack", task_id: frame.task_id, status: outcome.done });
    } else {
      throw new Error(`the desk answered "${outcome.done}" to a ${frame.type}`);
    }
    if (isFreed) tasks.notify({ type: "agent_idle", agentId: agent.agentId });
  }
}

function tooLarge({ task_id, generation }: SidecarFrameOf<"task_complete">, resultBytes: number): ResultTooLarge {
  return { type: "result_too_large", task_id, generation, error: `result_too_large: ${resultBytes} bytes beside this task` };
}

/** An end counts only while the agent is known to have the task: a desk that gave up on it has told the agent so. */
function isSaidOnce(agent: ConnectedAgent, frame: TaskReportFrame): boolean {
  switch (frame.type) {
    case "task_complete":
    case "task_failed":
      return agent.taskId === frame.task_id;
    case "task_rejected":
    case "task_recovering":
    case "state_report":
      return true;
    default:
      return false;
  }
}

/** An agent that says it is busy is left alone for so long; without a pause it would be handed the same task at once. */
const REJECTED_PASS_OVER_MS = 1_000;

const REFUSED = {
  task_accepted: "task_accept_failed",
  task_complete: "task_complete_failed",
  task_failed: "task_fail_failed",
  task_rejected: "task_reject_failed",
  task_recovering: "task_recovering_failed",
  task_progress: "task_progress_failed",
  state_report: "state_report_failed",
  wake_result: "wake_result_failed",
} as const;

function refusalOf(frame: TaskReportFrame, code: string, retryAfterMs?: number): ErrorFrame {
  // Another agent's task is nobody's business: the wire knows only that the generation does not fit.
  const shown = code === "wrong_agent" ? "stale_generation" : code;
  const refusal: ErrorFrame = { type: "error", error: `${REFUSED[frame.type]}: ${shown}` };
  if (retryAfterMs !== undefined) refusal.retry_after_ms = retryAfterMs;
  return refusal;
}
