/** The agents of this node: their states, who may be handed a task, and the acceptance timeout. */
import { type AgentEvent, agentTransition, assignFrameOf } from "@hubscale/hub-core";
import { type Task, TIMERS } from "@hubscale/protocol";
import type { HubBehaviour } from "./behaviour.ts";
import type { ConnectedAgent } from "./connected-agent.ts";
import type { Clock, Roster, RosterEvent } from "./ports.ts";

export interface LocalRosterOptions {
  clock: Clock;
  behaviour: HubBehaviour;
  /** To the desk. */
  notify(event: RosterEvent): void;
  /** Takes a task back from an agent that did not accept it in time. Resolves false if that could not be done now. */
  reclaim(taskId: string): Promise<boolean>;
  /** A task was handed out; for the metrics. */
  onAssigned(task: Task): void;
}

export class LocalRoster implements Roster {
  readonly #options: LocalRosterOptions;
  readonly #agents = new Map<string, ConnectedAgent>();
  /** Exactly the agents that may be handed a task now, in order of becoming so. */
  readonly #ready = new Map<string, ConnectedAgent>();
  #isDraining = false;

  constructor(options: LocalRosterOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#agents.size;
  }

  get readySize(): number {
    return this.#ready.size;
  }

  idleAgents(): Iterable<ConnectedAgent> {
    return this.#ready.values();
  }

  isReady(agentId: string): boolean {
    return this.#ready.has(agentId);
  }

  get(agentId: string): ConnectedAgent | undefined {
    return this.#agents.get(agentId);
  }

  all(): Iterable<ConnectedAgent> {
    return this.#agents.values();
  }

  /** Whether this connection is still its agent's: not ended, and no later one has taken over. */
  isPresent(agent: ConnectedAgent): boolean {
    return this.#agents.get(agent.agentId) === agent;
  }

  /** The state as presence shows it. */
  shownState(agent: ConnectedAgent): string {
    return this.#options.behaviour.warts && !agent.hasMoved ? "unknown" : agent.state;
  }

  assign(agentId: string, task: Task): boolean {
    const agent = this.#ready.get(agentId);
    if (!agent) return false;
    if (this.#options.behaviour.warts) {
      this.#options.clock.after(0, () => this.#assigned(agent, task.id));
    } else {
      this.#assigned(agent, task.id);
    }
    this.#options.onAssigned(task);
    agent.line.send(assignFrameOf(task));
    return true;
  }

  release(agentId: string, taskId: string): void {
    const agent = this.#agents.get(agentId);
    if (!agent || agent.taskId !== taskId) return;
    agent.line.send({ type: "task_cancelled", task_id: taskId });
    this.#move(agent, "release");
    this.#tellIfReady(agent);
  }

  /** Enters the agent as idle; an earlier connection of the same agent is closed. The caller tells the desk. */
  join(agent: ConnectedAgent): void {
    const earlier = this.#agents.get(agent.agentId);
    if (earlier) this.supersede(earlier);
    this.#agents.set(agent.agentId, agent);
    agent.state = "idle";
    this.#refresh(agent);
  }

  /** Takes the agent out and tells the desk. False: this connection was not the agent's present one. */
  leave(agent: ConnectedAgent): boolean {
    if (!this.isPresent(agent)) return false;
    this.#agents.delete(agent.agentId);
    agent.endPassOver?.();
    agent.endPassOver = undefined;
    this.#move(agent, "disconnect");
    if (!this.#isDraining) this.#options.notify({ type: "agent_left", agentId: agent.agentId });
    return true;
  }

  /** A newer connection of the same agent, here or on another node, takes its place. */
  supersede(agent: ConnectedAgent): void {
    this.leave(agent);
    agent.line.close(TAKEN_OVER, TAKEN_OVER_REASON);
  }

  /** `task_accepted` was recorded. */
  accepted(agent: ConnectedAgent, taskId: string): void {
    if (agent.taskId === taskId) this.#move(agent, "accept");
  }

  /** The agent is done with the task, however it ended. True: it held it, and the caller owes the desk an `agent_idle`. */
  finished(agent: ConnectedAgent, taskId: string): boolean {
    return agent.taskId === taskId && this.#move(agent, "finish");
  }

  /** The agent was told to go on with a task that it had before it reconnected. */
  resumed(agent: ConnectedAgent, taskId: string): void {
    if (agent.state === "idle" && this.#move(agent, "assign")) agent.taskId = taskId;
    if (agent.taskId === taskId) this.#move(agent, "accept");
  }

  /** The agent turned a task down. */
  rejected(agent: ConnectedAgent, taskId: string, passOverMs: number): void {
    if (agent.taskId === taskId) this.#move(agent, "release");
    this.passOver(agent, passOverMs);
  }

  /** Keeps the agent from being handed tasks for a time; a later call starts the time anew. */
  passOver(agent: ConnectedAgent, forMs: number): void {
    if (agent.state === "offline") return;
    agent.endPassOver?.();
    const cancel = this.#options.clock.after(forMs, () => {
      agent.endPassOver = undefined;
      this.#refresh(agent);
      this.#tellIfReady(agent);
    });
    agent.endPassOver = cancel;
    this.#refresh(agent);
  }

  /** A sign of life: an agent that was flagged unresponsive may be handed tasks again. */
  heardFrom(agent: ConnectedAgent): void {
    if (!agent.isUnresponsive) return;
    agent.isUnresponsive = false;
    this.#refresh(agent);
    this.#tellIfReady(agent);
  }

  /** Hands out nothing more; agents that leave from now on are not reported, since they come back elsewhere with their tasks. */
  drain(): void {
    this.#isDraining = true;
    this.#ready.clear();
  }

  #assigned(agent: ConnectedAgent, taskId: string): void {
    // With warts a second push may find the agent taken already: its task then has no acceptance timeout, only the sweeps.
    if (!this.#move(agent, "assign")) return;
    agent.taskId = taskId;
    this.#awaitAcceptance(agent, taskId, TIMERS.acceptWithinMs);
  }

  #awaitAcceptance(agent: ConnectedAgent, taskId: string, withinMs: number): void {
    agent.endAcceptance = this.#options.clock.after(withinMs, () => {
      void this.#notAccepted(agent, taskId);
    });
  }

  async #notAccepted(agent: ConnectedAgent, taskId: string): Promise<void> {
    const isReclaimed = await this.#options.reclaim(taskId);
    if (agent.state !== "assigned" || agent.taskId !== taskId) return;
    if (!isReclaimed) {
      this.#awaitAcceptance(agent, taskId, RECLAIM_AGAIN_MS);
      return;
    }
    agent.isUnresponsive = true;
    this.#move(agent, "release");
  }

  /** False: the event does not fit the agent's state. */
  #move(agent: ConnectedAgent, event: AgentEvent): boolean {
    const next = agentTransition(agent.state, event);
    if (next === undefined) return false;
    agent.state = next;
    agent.hasMoved = true;
    if (next !== "assigned") {
      agent.endAcceptance?.();
      agent.endAcceptance = undefined;
    }
    if (next === "idle" || next === "offline") agent.taskId = null;
    this.#refresh(agent);
    return true;
  }

  #refresh(agent: ConnectedAgent): void {
    const isReady = agent.state === "idle" && !agent.isUnresponsive && !agent.endPassOver && !this.#isDraining;
    // The entry may be that of a later connection.
    if (isReady === (this.#ready.get(agent.agentId) === agent)) return;
    if (isReady) this.#ready.set(agent.agentId, agent);
    else this.#ready.delete(agent.agentId);
  }

  #tellIfReady(agent: ConnectedAgent): void {
    if (this.#ready.get(agent.agentId) === agent) this.#options.notify({ type: "agent_idle", agentId: agent.agentId });
  }
}

/** Close code of the application's own range: an invitation to reconnect would set two connections of one agent at odds. */
export const TAKEN_OVER = 4001;
export const TAKEN_OVER_REASON = "a newer connection of this agent has taken over";

/** When the store could not take the task back, the next try. */
const RECLAIM_AGAIN_MS = 5_000;
