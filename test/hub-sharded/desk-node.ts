/** A node of the sharded hub inside the test's process: its desk, with agents that are objects of the test. */
import { draftOf } from "@hubscale/hub-core";
import { type ReportOutcome, type Roster, systemClock, systemRandomHex, type TaskDesk } from "@hubscale/hub-runtime";
import { type BackboneChoice, openShardedNode, type ShardedNode, type ShardedNodeOptions } from "@hubscale/hub-sharded";
import type { SubmitTaskBody, Task } from "@hubscale/protocol";

type AgentState = "idle" | "working";

/** An agent of a test: takes what it is given, and waits for the test to say what comes of it. */
export class TestAgent {
  readonly agentId: string;
  readonly capabilities: readonly string[];
  readonly ollamaHost = null;
  state: AgentState = "idle";
  task: Task | undefined;
  readonly received: Task[] = [];
  readonly cancelled: string[] = [];
  onTask: ((task: Task) => void) | undefined;

  constructor(agentId: string, capabilities: readonly string[] = []) {
    this.agentId = agentId;
    this.capabilities = capabilities;
  }

  get taskId(): string | null {
    return this.task?.id ?? null;
  }
}

class TestRoster implements Roster {
  readonly agents = new Map<string, TestAgent>();
  onReleased: (agent: TestAgent) => void = () => undefined;

  *idleAgents() {
    for (const agent of this.agents.values()) if (agent.state === "idle") yield agent;
  }

  isReady(agentId: string): boolean {
    return this.agents.get(agentId)?.state === "idle";
  }

  get(agentId: string) {
    return this.agents.get(agentId);
  }

  all() {
    return this.agents.values();
  }

  assign(agentId: string, task: Task): boolean {
    const agent = this.agents.get(agentId);
    if (agent?.state !== "idle") return false;
    agent.state = "working";
    agent.task = task;
    agent.received.push(task);
    agent.onTask?.(task);
    return true;
  }

  release(agentId: string, taskId: string): void {
    const agent = this.agents.get(agentId);
    if (agent?.taskId !== taskId) return;
    agent.cancelled.push(taskId);
    agent.state = "idle";
    agent.task = undefined;
    this.onReleased(agent);
  }
}

export interface DeskNodeOptions extends Partial<ShardedNodeOptions> {
  backbone: BackboneChoice;
  namespace: string;
  node: string;
}

export class DeskNode {
  readonly desk: TaskDesk;
  readonly shared: ShardedNode;
  readonly faults: unknown[] = [];
  readonly #roster: TestRoster;

  private constructor(desk: TaskDesk, shared: ShardedNode, roster: TestRoster, faults: unknown[]) {
    this.desk = desk;
    this.shared = shared;
    this.#roster = roster;
    this.faults = faults;
    roster.onReleased = (agent) => desk.notify({ type: "agent_idle", agentId: agent.agentId });
  }

  static async open(options: DeskNodeOptions): Promise<DeskNode> {
    const roster = new TestRoster();
    const faults: unknown[] = [];
    const shared = await openShardedNode({
      shards: 4,
      keepCompleted: 10_000,
      leaseMs: 30_000,
      durability: "fsync",
      seedCompletedRows: 0,
      clock: systemClock,
      randomHex: systemRandomHex,
      onFault: (error) => faults.push(error),
      log: () => undefined,
      ...options,
    });
    const desk = await shared.makeTasks(roster, { endpoints: () => [], isOnline: () => true });
    return new DeskNode(desk, shared, roster, faults);
  }

  join(agent: TestAgent): TestAgent {
    this.#roster.agents.set(agent.agentId, agent);
    this.desk.notify({ type: "agent_joined", agentId: agent.agentId });
    return agent;
  }

  leave(agent: TestAgent): void {
    this.#roster.agents.delete(agent.agentId);
    this.desk.notify({ type: "agent_left", agentId: agent.agentId });
  }

  async submit(body: Partial<SubmitTaskBody> = {}): Promise<Task> {
    const submitted = await this.desk.submit(draftOf({ description: "a task", ...body }, "tester"));
    if (!submitted.ok) throw new Error(`refused: ${submitted.code}`);
    // Without a key it is the whole task.
    return submitted.task as Task;
  }

  /** As the edge does: the agent is free after the answer, whatever it is. */
  async complete(agent: TestAgent, task: Task, result: unknown = { status: "ok" }): Promise<ReportOutcome> {
    const { id: task_id, generation } = task;
    const outcome = await this.desk.report(agent.agentId, { type: "task_complete", task_id, generation, result });
    this.free(agent, task_id);
    return outcome;
  }

  async fail(agent: TestAgent, task: Task, error = "it broke"): Promise<ReportOutcome> {
    const { id: task_id, generation } = task;
    const outcome = await this.desk.report(agent.agentId, { type: "task_failed", task_id, generation, error });
    this.free(agent, task_id);
    return outcome;
  }

  free(agent: TestAgent, taskId: string): void {
    if (agent.taskId !== taskId) return;
    agent.state = "idle";
    agent.task = undefined;
    this.desk.notify({ type: "agent_idle", agentId: agent.agentId });
  }

  async close(): Promise<void> {
    await this.desk.close();
    await this.shared.backplane.close();
    this.shared.close();
    if (this.faults.length > 0) throw this.faults[0];
  }

  /** As a killed process leaves it: connections cut, nothing said. */
  kill(): void {
    this.shared.close();
  }
}

/** Waits until the condition holds; fails the test with `what` after half a minute, which a busy machine may need. */
export async function until<T>(what: string, condition: () => T | Promise<T>): Promise<NonNullable<T>> {
  const deadlineMs = Date.now() + 30_000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadlineMs) throw new Error(`not seen in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
