import type { Roster, RosterAgent, RosterEvent } from "@hubscale/hub-runtime";
import type { Task } from "@hubscale/protocol";

interface ScriptedAgent extends RosterAgent {
  state: RosterAgent["state"];
  taskId: string | null;
}

/** Agents that a test moves about. */
export class ScriptedRoster implements Roster {
  readonly #agents = new Map<string, ScriptedAgent>();
  /** In order of becoming idle. */
  readonly #idle = new Set<string>();
  readonly #notify: (event: RosterEvent) => void;
  /** Every task that was pushed to an agent, as it was then. */
  readonly pushed: { agentId: string; task: Task }[] = [];
  readonly released: { agentId: string; taskId: string }[] = [];
  /** Called with each push, before it counts. */
  onPush: (agentId: string, task: Task) => void = () => undefined;

  constructor(notify: (event: RosterEvent) => void) {
    this.#notify = notify;
  }

  join(agentId: string, capabilities: readonly string[] = [], ollamaHost: string | null = null): void {
    if (this.#agents.has(agentId)) this.leave(agentId);
    this.#agents.set(agentId, { agentId, capabilities, ollamaHost, state: "idle", taskId: null });
    this.#idle.add(agentId);
    this.#notify({ type: "agent_joined", agentId });
  }

  leave(agentId: string): void {
    if (!this.#agents.delete(agentId)) return;
    this.#idle.delete(agentId);
    this.#notify({ type: "agent_left", agentId });
  }

  /** The agent said that it works on this task. */
  working(agentId: string, taskId: string): void {
    const agent = this.#agents.get(agentId);
    if (!agent) return;
    this.#idle.delete(agentId);
    agent.state = "working";
    agent.taskId = taskId;
  }

  /** The agent is free again. */
  finish(agentId: string): void {
    const agent = this.#agents.get(agentId);
    if (!agent || agent.state === "idle") return;
    agent.state = "idle";
    agent.taskId = null;
    this.#idle.add(agentId);
    this.#notify({ type: "agent_idle", agentId });
  }

  idleAgents(): RosterAgent[] {
    return [...this.#idle].map((agentId) => this.#agents.get(agentId) as RosterAgent);
  }

  isReady(agentId: string): boolean {
    return this.#idle.has(agentId);
  }

  get(agentId: string): RosterAgent | undefined {
    return this.#agents.get(agentId);
  }

  all(): Iterable<RosterAgent> {
    return this.#agents.values();
  }

  assign(agentId: string, task: Task): boolean {
    const agent = this.#agents.get(agentId);
    if (agent?.state !== "idle") return false;
    this.onPush(agentId, task);
    this.#idle.delete(agentId);
    agent.state = "assigned";
    agent.taskId = task.id;
    this.pushed.push({ agentId, task });
    return true;
  }

  release(agentId: string, taskId: string): void {
    if (this.#agents.get(agentId)?.taskId !== taskId) return;
    this.released.push({ agentId, taskId });
    this.finish(agentId);
  }
}
