import { Heartbeat } from "./heartbeat.ts";
import { isPong, isPresence, type ReadFrame, readFrame } from "./hub-frame-reader.ts";
import { ProgressBatch } from "./progress-batch.ts";
import type { OutcomeStatus } from "./sidecar-events.ts";
import {
  acceptedFrame,
  completeFrame,
  failedFrame,
  failedResultFrame,
  identifyFrame,
  ollamaReportFrame,
  plainId,
  recoveringFrame,
  rejectedFrame,
  type SidecarIdentity,
  stateReportFrame,
} from "./sidecar-frames.ts";
import type { SidecarSurroundings, SidecarWire } from "./sidecar-surroundings.ts";
import type { TaskResult } from "./task-executor.ts";
import { TaskInHand, Work } from "./task-in-hand.ts";

/**
 * One simulated sidecar: the recorded sidecar's protocol without its sockets. It holds one task at a time, goes on working
 * while it is cut off, and after a reconnect asks whether the task is still its own.
 */
export class Sidecar {
  readonly identity: SidecarIdentity;
  private readonly around: SidecarSurroundings;
  private wire: SidecarWire | undefined;
  private online = false;
  private inHand: TaskInHand | undefined;
  /** Outcomes that were sent and not yet answered, oldest first. */
  private readonly unanswered: TaskInHand[] = [];
  /** True after a simulated crash: only the task's id survives it, as on the real sidecar's disk. */
  private memoryLost = false;
  private readonly heartbeat: Heartbeat;

  constructor(identity: SidecarIdentity, around: SidecarSurroundings) {
    this.identity = identity;
    this.around = around;
    this.heartbeat = new Heartbeat(identity.agentId, around);
  }

  get busy(): boolean {
    return this.inHand !== undefined;
  }

  /** Identified, and the connection stands. */
  get isOnline(): boolean {
    return this.online;
  }

  opened(wire: SidecarWire): void {
    this.wire = wire;
    wire.send(identifyFrame(this.identity));
  }

  /** The connection is gone. Work goes on; what it yields waits for the next connection. */
  closed(): void {
    this.wire = undefined;
    this.online = false;
    this.heartbeat.stop();
  }

  /** Forgets everything but the id of the task in hand, as a killed process would. The caller cuts the connection. */
  crash(): void {
    const task = this.inHand;
    if (task) {
      stopWorking(task);
      task.ended = undefined;
    }
    this.unanswered.length = 0;
    this.memoryLost = true;
  }

  /** Drops everything, for good. */
  stop(): void {
    this.closed();
    if (this.inHand) stopWorking(this.inHand);
    this.inHand = undefined;
    this.unanswered.length = 0;
  }

  /** Returns whether the frame was one of presence. */
  received(data: Buffer): boolean {
    if (isPong(data)) {
      this.heartbeat.answered();
      return false;
    }
    if (isPresence(data)) return true;
    const text = data.toString();
    const frame = readFrame(text);
    if (frame) this.dispatch(frame, text);
    else this.around.tell({ type: "protocol_fault", what: "a frame that is no JSON object with a type" });
    return false;
  }

  private dispatch(frame: ReadFrame, text: string): void {
    const taskId = OF_A_TASK.has(frame.type) ? usableTaskId(frame.task_id) : "";
    if (taskId === undefined) {
      this.around.tell({ type: "protocol_fault", what: `${frame.type} without a usable task_id` });
      return;
    }
    switch (frame.type) {
      case "task_ack":
        this.acknowledged(taskId, frame.status);
        return;
      case "task_assign":
        this.assigned(taskId, frame, text);
        return;
      case "identified":
        this.identified();
        return;
      case "pong":
        this.heartbeat.answered();
        return;
      case "task_cancelled":
        this.drop(taskId, "cancelled");
        return;
      case "state_report_ack":
        this.judged(taskId, frame.action === "continue", undefined);
        return;
      case "task_continue":
        this.judged(taskId, true, frame.generation);
        return;
      case "task_reassign":
        this.judged(taskId, false, undefined);
        return;
      case "rate_limited":
        this.around.tell({ type: "rate_limited", retryAfterMs: numberOr0(frame.retry_after_ms) });
        if (!this.online) this.wire?.cut("identify was rate limited");
        return;
      case "restart_sidecar":
        this.crash();
        this.wire?.cut("restart_sidecar");
        return;
      case "error":
        this.failedWith(frame);
        return;
      default:
        // Messages, channels and answers to requests that a simulated sidecar never makes.
        return;
    }
  }

  private identified(): void {
    this.online = true;
    this.around.tell({ type: "identified" });
    if (this.wire) this.heartbeat.start(this.wire);
    if (this.identity.ollamaUrl !== null) this.wire?.send(ollamaReportFrame(this.identity.ollamaUrl));
    for (const task of this.unanswered) this.askAbout(task);
    if (this.inHand) this.askAbout(this.inHand);
    this.memoryLost = false;
  }

  private askAbout(task: TaskInHand): void {
    task.verdictPending = true;
    this.wire?.send(this.memoryLost ? recoveringFrame(task.taskId) : stateReportFrame(task));
  }

  private assigned(taskId: string, frame: ReadFrame, text: string): void {
    const { generation } = frame;
    if (!isGeneration(generation)) {
      this.around.tell({ type: "protocol_fault", what: "task_assign without a usable generation" });
      return;
    }
    this.around.tell({ type: "assigned", taskId, generation });
    const held = this.inHand;
    if (held && held.taskId !== taskId) {
      this.wire?.send(rejectedFrame(taskId));
      this.around.tell({ type: "rejected_sent", taskId, generation });
      return;
    }
    // The same task again: the hub took it back and chose this agent once more. The work starts anew under the new generation.
    if (held) stopWorking(held);
    // What was handed in before a reconnect, and is asked about, was not taken: its ack can only have been lost with its connection.
    this.takeUnanswered((each) => each.taskId === taskId && each.verdictPending);
    const kept = this.around.executor.ignoresAssignment ? undefined : text;
    const task = new TaskInHand({ taskId, generation, assignedAtMs: numberOr0(frame.assigned_at) }, kept);
    this.inHand = task;
    this.wire?.send(acceptedFrame(taskId));
    this.around.tell({ type: "accepted_sent", taskId, generation });
    this.work(task);
  }

  private work(task: TaskInHand): void {
    const { executor, wheel, clock, timers, timeScale } = this.around;
    const work = new Work(
      () =>
        new ProgressBatch({
          taskId: task.taskId,
          wheel,
          clock,
          windowMs: timers.progressWindowMs,
          timeScale,
          send: (text) => {
            if (this.online && !task.verdictPending) this.wire?.send(text);
          },
        }),
    );
    task.work = work;
    const result = executor.run(task, work);
    if (!(result instanceof Promise)) {
      this.finish(task, work, result);
      return;
    }
    result.then(
      (late) => this.finish(task, work, late),
      (error: unknown) => {
        if (!work.isStopped) throw error;
      },
    );
  }

  private finish(task: TaskInHand, work: Work, result: TaskResult): void {
    if (work.isStopped) return;
    work.end();
    task.ended = { atMs: this.around.clock.nowMs(), result };
    if (this.online && !task.verdictPending) this.sendOutcome(task, task.ended);
  }

  private sendOutcome(task: TaskInHand, { atMs, result }: NonNullable<TaskInHand["ended"]>): void {
    const { taskId, generation } = task;
    const { outcome } = result;
    const report = { taskId, generation, endedMs: atMs, result };
    if (this.inHand === task) this.inHand = undefined;
    this.unanswered.push(task);
    this.wire?.send(
      outcome === "complete" ? completeFrame(report) : outcome === "failed" ? failedFrame(report) : failedResultFrame(report),
    );
    this.around.tell({ type: "outcome_sent", taskId, generation, outcome, result });
  }

  private acknowledged(taskId: string, status: unknown): void {
    if (status === "accepted") {
      this.around.tell({ type: "accepted_acked", taskId });
      return;
    }
    const task = this.takeUnanswered((each) => each.taskId === taskId && !each.verdictPending);
    if (!isOutcomeStatus(status)) {
      this.around.tell({ type: "protocol_fault", what: "task_ack with an unknown status" });
      return;
    }
    // An ack that nobody waits for (a second one, or one for a task that was dropped) is told too: the history check wants it.
    this.around.tell({ type: "outcome_acked", taskId, generation: task?.generation ?? null, status });
  }

  private judged(taskId: string, goOn: boolean, generation: unknown): void {
    const task = this.find(taskId);
    if (!task?.verdictPending) return;
    if (!goOn) {
      this.drop(taskId, "abort");
      return;
    }
    task.verdictPending = false;
    if (isGeneration(generation)) task.generation = generation;
    this.around.tell({ type: "continued", taskId, generation: task.generation });
    if (task.ended) {
      this.takeUnanswered((each) => each === task);
      this.sendOutcome(task, task.ended);
    } else if (!task.work || task.work.isStopped) {
      this.work(task);
    }
  }

  private drop(taskId: string, because: "cancelled" | "abort"): void {
    const task = this.find(taskId);
    if (!task) return;
    stopWorking(task);
    if (this.inHand === task) this.inHand = undefined;
    else this.takeUnanswered((each) => each === task);
    this.around.tell({ type: "dropped", taskId, generation: task.generation, because });
  }

  private failedWith(frame: ReadFrame): void {
    const error = typeof frame.error === "string" ? frame.error.slice(0, ERROR_CHARS_MAX) : "an error without a text";
    if (!this.online) {
      const forGood = error === "invalid_token" || error === "token_agent_mismatch";
      this.around.tell({ type: forGood ? "turned_away" : "error", error });
      this.wire?.cut(error);
      return;
    }
    if (error.startsWith("task_complete_failed") || error.startsWith("task_fail_failed")) {
      const oldest = this.takeUnanswered((each) => !each.verdictPending);
      if (oldest) {
        this.around.tell({ type: "outcome_refused", taskId: oldest.taskId, generation: oldest.generation, error });
        return;
      }
    }
    // A hub that does not know how to be asked about a task cannot let the sidecar go on either.
    if (frame.message_type === "state_report" || frame.message_type === "task_recovering") {
      for (const task of [this.inHand, ...this.unanswered]) {
        if (task?.verdictPending) this.drop(task.taskId, "abort");
      }
    }
    this.around.tell({ type: "error", error });
  }

  private find(taskId: string): TaskInHand | undefined {
    return this.inHand?.taskId === taskId ? this.inHand : this.unanswered.find((task) => task.taskId === taskId);
  }

  /**
   * The oldest unanswered outcome of which that is so, taken off the list. Answers name no generation, but belong to what was sent
   * on the same connection: not to an outcome that is being asked about.
   */
  private takeUnanswered(isIt: (task: TaskInHand) => boolean): TaskInHand | undefined {
    const index = this.unanswered.findIndex(isIt);
    return index < 0 ? undefined : this.unanswered.splice(index, 1)[0];
  }
}

function stopWorking(task: TaskInHand): void {
  task.work?.abort();
}

/** Of a hub's text, which is kept and counted by. */
const ERROR_CHARS_MAX = 200;

/** Frames that say nothing unless they name a task. */
const OF_A_TASK = new Set(["task_ack", "task_assign", "task_cancelled", "state_report_ack", "task_continue", "task_reassign"]);

function usableTaskId(value: unknown): string | undefined {
  return typeof value === "string" && plainId(value) ? value : undefined;
}

function isGeneration(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function numberOr0(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

function isOutcomeStatus(status: unknown): status is OutcomeStatus {
  return status === "complete" || status === "retried" || status === "dead_letter";
}
