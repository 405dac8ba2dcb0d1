/**
 * Schedules as the reference hub does (C3): every pass asks each agent for its state, one call after the other, reads the whole
 * table for queued tasks, and pairs what it found. The pass waits for the store; the next trigger waits for the pass.
 */
import { type IdleAgent, schedule } from "@hubscale/hub-core";
import type { Clock, Roster, RosterAgent } from "@hubscale/hub-runtime";
import type { Task } from "@hubscale/protocol";
import type { TaskTable } from "../table/task-table.ts";
import type { WorkCounters } from "../work-counters.ts";
import type { Dispatcher, Endpoints } from "./dispatcher.ts";
import type { HandOver } from "./hand-over.ts";
import type { Pass, PassQueue } from "./pass-queue.ts";

export class ScanningDispatcher implements Dispatcher {
  readonly #table: TaskTable;
  readonly #roster: Roster;
  readonly #endpoints: Endpoints;
  readonly #clock: Clock;
  readonly #handOver: HandOver;
  readonly #work: WorkCounters;
  readonly #passes: PassQueue;

  constructor(parts: {
    table: TaskTable;
    roster: Roster;
    endpoints: Endpoints;
    clock: Clock;
    handOver: HandOver;
    work: WorkCounters;
    passes(pass: Pass): PassQueue;
  }) {
    this.#table = parts.table;
    this.#roster = parts.roster;
    this.#endpoints = parts.endpoints;
    this.#clock = parts.clock;
    this.#handOver = parts.handOver;
    this.#work = parts.work;
    this.#passes = parts.passes(() => this.#pass());
  }

  get debt(): number {
    return this.#passes.debt;
  }

  changed(before: Task | undefined, after: Task | undefined): void {
    if (after?.status === before?.status) return;
    if (after?.status === "queued" || after?.status === "completed") this.#passes.request();
  }

  notify(): void {
    this.#passes.request();
  }

  async close(): Promise<void> {
    await this.#passes.close();
    this.#handOver.close();
  }

  async #pass(): Promise<void> {
    const idle = await this.#askAllAgents();
    const queued = await this.#readQueued();
    const completed = await this.#completedDependencies(queued);
    const assignments = schedule({
      queued,
      idle,
      endpoints: this.#endpoints(),
      isCompleted: (taskId) => completed.has(taskId),
      nowMs: this.#clock.nowMs(),
    });
    for (const assignment of assignments) {
      // The agent that got nothing may be idle still, and another task may wait for it.
      if ((await this.#handOver.give(assignment)) !== "given") this.#passes.request();
      if (assignment.decision.fallback_used) this.#handOver.retryLater(() => this.#passes.request());
    }
  }

  async #askAllAgents(): Promise<IdleAgent[]> {
    const idle = new Set<string>();
    for (const agent of this.#roster.all()) {
      this.#work.agentStatesRead += 1;
      if ((await stateOf(agent)) === "idle") idle.add(agent.agentId);
    }
    // The roster's own order, and without those that it passes over (unresponsive, rate limited).
    return [...this.#roster.idleAgents()].filter((agent) => idle.has(agent.agentId));
  }

  async #readQueued(): Promise<Task[]> {
    const queued: Task[] = [];
    await this.#table.fold((task) => {
      if (task.status === "queued") queued.push(task);
    });
    return queued;
  }

  async #completedDependencies(queued: readonly Task[]): Promise<Set<string>> {
    const taskIds = [...new Set(queued.flatMap((task) => task.depends_on))];
    if (taskIds.length === 0) return new Set();
    const rows = await this.#table.getMany(taskIds);
    return new Set(rows.filter((row) => row.status === "completed").map((row) => row.id));
  }
}

/** A call to the agent's process: the answer comes in a later turn, whatever the state. */
function stateOf(agent: RosterAgent): Promise<RosterAgent["state"]> {
  return Promise.resolve(agent.state);
}
