/**
 * Schedules from indexes (C3 mended): tasks that may run are in lanes, idle agents in groups by capability, and a pass costs
 * what it assigns. Picking is done in one turn; the assignments of a pass go to the store together.
 */
import { hostOf, IdleAgents, routeTask, takePair } from "@hubscale/hub-core";
import type { Cancel, Clock, Roster, RosterEvent } from "@hubscale/hub-runtime";
import type { RoutingDecision, Task } from "@hubscale/protocol";
import type { Dispatcher, Endpoints } from "./dispatcher.ts";
import type { HandOver } from "./hand-over.ts";
import type { Pass, PassQueue } from "./pass-queue.ts";
import type { ReadyTasks } from "./ready-tasks.ts";

export class IndexedDispatcher implements Dispatcher {
  readonly #ready: ReadyTasks;
  /** An index of the roster's idle agents, which decides who is one. None of those to whom a task is being handed over. */
  readonly #idle = new IdleAgents();
  readonly #handingOver = new Set<string>();
  readonly #roster: Roster;
  readonly #endpoints: Endpoints;
  readonly #clock: Clock;
  readonly #handOver: HandOver;
  readonly #mayTake: (agentId: string) => boolean;
  readonly #onFailure: (error: Error) => void;
  readonly #passes: PassQueue;
  readonly #underWay = new Set<Promise<void>>();
  readonly #stopChecking: Cancel;

  /** `mayTake`: whether an idle agent may be given work, or is still expected to speak of the task that it had. */
  constructor(parts: {
    ready: ReadyTasks;
    roster: Roster;
    endpoints: Endpoints;
    clock: Clock;
    handOver: HandOver;
    mayTake(agentId: string): boolean;
    passes(pass: Pass): PassQueue;
    onFailure(error: Error): void;
  }) {
    this.#ready = parts.ready;
    this.#roster = parts.roster;
    this.#endpoints = parts.endpoints;
    this.#clock = parts.clock;
    this.#handOver = parts.handOver;
    this.#mayTake = (agentId) => parts.mayTake(agentId);
    this.#onFailure = (error) => parts.onFailure(error);
    this.#passes = parts.passes(() => this.#pass());
    this.#stopChecking = parts.clock.every(CHECK_EVERY_MS, () => this.#check());
  }

  get debt(): number {
    return this.#passes.debt;
  }

  changed(before: Task | undefined, after: Task | undefined): void {
    if (after?.status === before?.status) return;
    if (after?.status === "queued" || after?.status === "completed") this.#passes.request();
  }

  notify(event: RosterEvent): void {
    switch (event.type) {
      case "agent_joined":
      case "agent_idle":
        this.#enter(event.agentId);
        break;
      case "agent_left":
        this.#idle.remove(event.agentId);
        break;
      case "endpoints_changed":
      case "draining":
        break;
    }
    this.#passes.request();
  }

  async close(): Promise<void> {
    this.#stopChecking();
    await this.#passes.close();
    await Promise.all(this.#underWay);
    this.#handOver.close();
  }

  #enter(agentId: string): void {
    const agent = this.#roster.get(agentId);
    // A new connection may have other capabilities: what was known of the old one goes.
    this.#idle.remove(agentId);
    if (agent && this.#isFree(agentId)) this.#idle.add(agent);
  }

  #isFree(agentId: string): boolean {
    return this.#roster.isReady(agentId) && !this.#handingOver.has(agentId) && this.#mayTake(agentId);
  }

  /** Finds idle agents of which nobody told. */
  #check(): void {
    for (const { agentId } of this.#roster.idleAgents()) if (!this.#idle.has(agentId)) this.#enter(agentId);
    if (this.#idle.size > 0 && this.#ready.lanes.size > 0) this.#passes.request();
  }

  #pass(): Promise<void> {
    const endpoints = this.#endpoints();
    const nowMs = this.#clock.nowMs();
    for (;;) {
      let decision: RoutingDecision | undefined;
      const pair = takePair(this.#ready.lanes, this.#idle, (taskId) => {
        decision = routeTask(this.#ready.get(taskId) as Task, endpoints, nowMs);
        return hostOf(decision, endpoints);
      });
      if (!pair || !decision) return Promise.resolve();
      const { taskId, agent } = pair;
      if (this.#isFree(agent.agentId)) {
        this.#begin(taskId, agent.agentId, decision);
      } else {
        // The roster skips it since, and tells when it is ready again.
        this.#ready.lanes.add(this.#ready.get(taskId) as Task);
      }
    }
  }

  #begin(taskId: string, agentId: string, decision: RoutingDecision): void {
    this.#handingOver.add(agentId);
    const giving = this.#give(taskId, agentId, decision)
      .catch((error: Error) => this.#onFailure(error))
      .finally(() => this.#underWay.delete(giving));
    this.#underWay.add(giving);
  }

  async #give(taskId: string, agentId: string, decision: RoutingDecision): Promise<void> {
    const outcome = await this.#handOver.give({ taskId, agentId, decision }).finally(() => this.#handingOver.delete(agentId));
    // Without a task it may still be there, and idle: the roster knows.
    if (outcome !== "given") this.notify({ type: "agent_idle", agentId });
    if (decision.fallback_used) this.#handOver.retryLater(() => this.#passes.request());
  }
}

/** Long against a commit, short against the patience of a submitter. Costs a look at each idle agent. */
const CHECK_EVERY_MS = 5_000;
