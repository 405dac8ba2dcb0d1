/**
 * The tasks that this node's agents hold: how one is handed over, ended, put back or taken over from another node. Every step
 * is a transition of the core, made durable by one step that the engine refuses if the hold is lost.
 */
import {
  type ReclaimReason,
  type RefusalCode,
  routeTask,
  type EndpointView,
  type TaskCommand,
  transition,
} from "@hubscale/hub-core";
import { type Clock, type Roster, Refused, type TaskChange, Unavailable } from "@hubscale/hub-runtime";
import type { Task } from "@hubscale/protocol";
import { type Ending, type Hold, isEngineRefusal, type QueueDirectory, type Taken, type TaskQueue } from "./backbone.ts";
import { type HeldTask, HeldTasks } from "./held-tasks.ts";

export interface AssignmentsOptions {
  queues: QueueDirectory;
  roster: Roster;
  clock: Clock;
  leaseMs: number;
  endpoints(): readonly EndpointView[];
  /** A task is back in the queue. */
  onRequeued(queue: TaskQueue, task: Task): void;
  onCompleted(taskId: string): void;
  onFault(error: unknown): void;
  log(line: string): void;
}

/** Between the tries of an agent's report that the engine did not answer. */
const INSIST_EVERY_MS = 250;

export type Refusal = { ok: false; code: RefusalCode | "not_found" };
type CompleteCommand = Extract<TaskCommand, { type: "complete" }>;
type FailCommand = Extract<TaskCommand, { type: "fail" }>;

export class Assignments {
  readonly #options: AssignmentsOptions;
  readonly #held = new HeldTasks();
  readonly #putBacks = new Set<Promise<unknown>>();
  #isClosing = false;

  constructor(options: AssignmentsOptions) {
    this.#options = options;
  }

  all(): Iterable<HeldTask> {
    return this.#held.all();
  }

  get size(): number {
    return this.#held.size;
  }

  /** The task as this node knows it, with what the engine has not been told yet. */
  get(taskId: string): HeldTask | undefined {
    return this.#held.get(taskId);
  }

  /** The task as it is when this agent has it: routed and assigned, a generation on. */
  assigned(task: Task, agentId: string, atMs: number): Task {
    const { clock, endpoints } = this.#options;
    const decision = routeTask(task, endpoints(), clock.nowMs());
    const routed = must(transition(task, { type: "route", decision }, atMs));
    return must(transition(routed, { type: "assign", agentId }, atMs));
  }

  /** Hands a task that was just taken to its agent, or puts it back. Gives the host of the endpoint that was selected. */
  receive({ hold, task }: Taken, from: { queue: TaskQueue; agentId: string; askedAtMs: number }): string | null {
    const { clock, endpoints, leaseMs, roster } = this.#options;
    const held = this.#hold(hold, { queue: from.queue, agentId: from.agentId, task });
    // The answer may have lain in a socket while this process was stopped: the lease counts from when it was asked for.
    const isFresh = clock.monotonicMs() - from.askedAtMs < leaseMs / 2;
    if (!isFresh || !roster.assign(from.agentId, task)) this.putBackSoon(held, "agent_disconnected");
    const selected = task.routing_decision?.selected_endpoint;
    return endpoints().find(({ id }) => id === selected)?.host ?? null;
  }

  /** Durable when it resolves. A result that the engine does not take makes the task a dead letter. */
  async complete(
    command: CompleteCommand & { agentId: string },
    taskId: string,
  ): Promise<{ ok: true; done: "complete" | "retried" | "dead_letter" } | Refusal> {
    const held = await this.#holdOf(command.agentId, taskId, command.generation);
    if ("ok" in held) return held;
    const atMs = this.#options.clock.nowMs();
    const next = transition(held.task, command, atMs);
    if (!next.ok) return next;
    const completion = { atMs, decision: held.task.routing_decision, command };
    try {
      const isDone = await this.#settleReport(held, { type: "complete", completion, after: must(next) });
      if (!isDone && !(await this.#wasCompleted(held))) return this.#refusalOf(held);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const { agentId, generation } = command;
      return this.fail(
        { type: "fail", agentId, generation, error: `result_too_large: ${error.message}`, isFinal: true },
        taskId,
      );
    }
    this.#options.onCompleted(taskId);
    return { ok: true, done: "complete" };
  }

  /** Back to the queue or to the dead letters. Durable when it resolves. */
  async fail(
    command: FailCommand & { agentId: string },
    taskId: string,
  ): Promise<{ ok: true; done: "retried" | "dead_letter" } | Refusal> {
    const held = await this.#holdOf(command.agentId, taskId, command.generation);
    if ("ok" in held) return held;
    const next = transition(held.task, command, this.#options.clock.nowMs());
    if (!next.ok) return next;
    const after = must(next);
    const { queue } = held;
    if (after.status === "dead_letter") {
      const isBuried = await this.#settleReport(held, { type: "bury", after, reason: command.error });
      return isBuried ? { ok: true, done: "dead_letter" } : this.#refusalOf(held);
    }
    const isRequeued = await this.#settleReport(held, { type: "requeue", after });
    if (!isRequeued) return this.#refusalOf(held);
    this.#options.onRequeued(queue, after);
    return { ok: true, done: "retried" };
  }

  /** The agent works on it. Kept in memory and written with the next renewal of the lease. */
  touch(agentId: string, taskId: string): boolean {
    const held = this.#held.get(taskId);
    const next = held && transition(held.task, { type: "touch", agentId }, this.#options.clock.nowMs());
    if (!held || !next?.ok) return false;
    held.task = must(next);
    held.isTouched = true;
    return true;
  }

  /** Takes a task from its agent. Undefined: this node does not hold it, or lost it meanwhile. */
  async putBack(held: HeldTask, reason: ReclaimReason): Promise<TaskChange | undefined> {
    if (held.settling) await held.settling;
    if (this.#held.get(held.taskId) !== held) return undefined;
    const before = held.task;
    const after = must(transition(before, { type: "reclaim", reason }, this.#options.clock.nowMs()));
    const isRequeued = await this.#settle(held, () => held.queue.end(held.hold, { type: "requeue", after }));
    if (!isRequeued) return undefined;
    this.#options.onRequeued(held.queue, after);
    return { before, after };
  }

  /** As `putBack`, for whom nobody waits. If the engine does not answer, the lease runs out and the task comes back by itself. */
  putBackSoon(held: HeldTask, reason: ReclaimReason): void {
    const putBack = this.putBack(held, reason)
      .catch((error: unknown) => {
        if (!isEngineRefusal(error)) return this.#options.onFault(error);
        this.#held.remove(held);
        this.#options.log(`task ${held.taskId} could not be put back; its lease runs out`);
      })
      .finally(() => this.#putBacks.delete(putBack));
    this.#putBacks.add(putBack);
  }

  /** The agent works on this task: what else it was handed in the meantime goes to others. */
  keepOnly(held: HeldTask): void {
    for (const other of this.#held.ofAgent(held.agentId)) {
      if (other === held) continue;
      this.putBackSoon(other, "rejected");
      this.#options.roster.release(other.agentId, other.taskId);
    }
  }

  agentLeft(agentId: string): void {
    for (const held of this.#held.ofAgent(agentId)) this.putBackSoon(held, "agent_disconnected");
  }

  /** The task is gone: cancelled. */
  forget(held: HeldTask): void {
    this.#held.remove(held);
  }

  /** This node's hold is gone: the agent is told to stop. */
  lose(held: HeldTask): void {
    this.#held.remove(held);
    this.#options.roster.release(held.agentId, held.taskId);
  }

  /**
   * The hold of an agent on a task: this node's own, or another node's that it takes over, if the task is the agent's at this
   * generation (undefined: whatever it is).
   */
  async adopt(agentId: string, taskId: string, generation: number | undefined): Promise<HeldTask | Refusal> {
    const queue = await this.#options.queues.queueOf(taskId);
    const stored = await queue?.read(taskId);
    if (!queue || !stored) return { ok: false, code: "not_found" };
    const { task } = stored;
    if (task.status !== "assigned") return { ok: false, code: "invalid_state" };
    if (generation !== undefined && task.generation !== generation) return { ok: false, code: "stale_generation" };
    if (task.assigned_to !== agentId) return { ok: false, code: "wrong_agent" };
    const hold = await queue.adopt(stored, agentId);
    return hold ? this.#hold(hold, { queue, agentId, task }) : { ok: false, code: "stale_generation" };
  }

  /** The hold of an agent on a task, this node's own or adopted. */
  async #holdOf(agentId: string, taskId: string, generation: number | undefined): Promise<HeldTask | Refusal> {
    const held = this.#held.get(taskId);
    if (held?.settling) await held.settling;
    return this.#held.get(taskId) ?? this.adopt(agentId, taskId, generation);
  }

  /** As `#holdOf`, for an agent that reports what it works on. */
  async resume(agentId: string, taskId: string, generation: number | undefined): Promise<HeldTask | Refusal> {
    const held = await this.#holdOf(agentId, taskId, generation);
    if ("ok" in held) return held;
    if (held.agentId !== agentId) return { ok: false, code: "wrong_agent" };
    if (generation !== undefined && held.task.generation !== generation) return { ok: false, code: "stale_generation" };
    return held;
  }

  /** Resolves when all that is under way has ended. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all(this.#putBacks);
    await Promise.all([...this.#held.all()].map(({ settling }) => settling));
  }

  #hold(hold: Hold, of: { queue: TaskQueue; agentId: string; task: Task }): HeldTask {
    const { taskId } = hold;
    const held: HeldTask = { hold, taskId, ...of, isTouched: true, isInDoubt: false, settling: undefined };
    this.#held.add(held);
    return held;
  }

  /** Ends a hold by a step that the engine may refuse. When it does not answer, the task stays held. */
  async #settle(held: HeldTask, end: () => Promise<boolean>): Promise<boolean> {
    const ending = end();
    held.settling = ending.catch(() => undefined);
    try {
      const isEnded = await ending;
      this.#held.remove(held);
      return isEnded;
    } catch (error) {
      held.settling = undefined;
      throw error;
    }
  }

  /**
   * Ends a hold because its agent is done. The work is done and paid for, so this outlasts an outage of the engine of up to a lease;
   * after that the agent is freed and the task left to its lease.
   */
  async #settleReport(held: HeldTask, ending: Ending): Promise<boolean> {
    const untilMs = this.#options.clock.monotonicMs() + this.#options.leaseMs;
    try {
      return await this.#settle(held, () => this.#insist(held, ending, untilMs));
    } catch (error) {
      // A completion that is refused is followed by a dead letter; when that is refused too, the agent at least is freed.
      if (error instanceof Unavailable || (error instanceof Refused && ending.type !== "complete")) this.lose(held);
      throw error;
    }
  }

  async #insist(held: HeldTask, ending: Ending, untilMs: number): Promise<boolean> {
    const { clock } = this.#options;
    for (;;) {
      try {
        if (await held.queue.end(held.hold, ending)) return true;
        // Refused although nobody took the task: its lease ran out while the engine was away.
        const hold = held.isInDoubt ? await held.queue.regain(held.hold, held.agentId) : undefined;
        if (!hold) return false;
        held.hold = hold;
      } catch (error) {
        if (!(error instanceof Unavailable) || this.#isClosing || clock.monotonicMs() > untilMs) throw error;
        held.isInDoubt = true;
        await new Promise<void>((resolve) => clock.after(INSIST_EVERY_MS, resolve));
      }
    }
  }

  /** Why the engine refused to let a hold act: what became of the task meanwhile. */
  async #refusalOf({ queue, taskId }: HeldTask): Promise<Refusal> {
    const stored = await queue.read(taskId);
    if (!stored) return { ok: false, code: "not_found" };
    const isOver = stored.task.status === "completed" || stored.task.status === "dead_letter";
    return { ok: false, code: isOver ? "invalid_state" : "stale_generation" };
  }

  /** Whether a completion whose answer was lost had been done after all. */
  async #wasCompleted({ isInDoubt, queue, task }: HeldTask): Promise<boolean> {
    if (!isInDoubt) return false;
    const stored = await queue.read(task.id);
    return stored?.task.status === "completed" && stored.task.generation === task.generation;
  }
}

/** The task after a transition that cannot be refused here. */
function must(next: ReturnType<typeof transition>): Task {
  if (!next.ok || !next.task)
    throw new Error(`a transition was refused that must not be: ${next.ok ? next.event.type : next.code}`);
  return next.task;
}
