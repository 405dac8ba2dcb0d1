/** An agent that works, crashes, loses its connection, comes back elsewhere with its task, and now and then with a claim that is out of date. */
import type { HubFrame, TaskAssignFrame } from "@hubscale/protocol";
import type { Random } from "@hubscale/sidecar-sim";
import { AgentConnection } from "./agent-connection.ts";
import type { Chance } from "./chance.ts";
import type { History } from "./history.ts";
import { resultBytesOf } from "./plan.ts";
import type { SimulatedEngine } from "./simulated-engine.ts";
import type { SimulatedNode } from "./simulated-node.ts";
import type { World } from "./world.ts";

export interface SimulatedAgentOptions {
  agentId: string;
  world: World;
  chance: Chance;
  history: History;
  engine: SimulatedEngine;
  nodes: readonly SimulatedNode[];
}

interface Work {
  readonly taskId: string;
  /** Of its result, beside its status. */
  readonly bytes: number;
  generation: number;
  isDone: boolean;
}

const RECONNECT_UP_TO_MS = 1_500;
const WORK_UP_TO_MS = 2_500;
/** It hangs up on a node that does not answer for so long. */
const PATIENCE_MS = 5_000;

export class SimulatedAgent {
  readonly agentId: string;
  readonly #options: SimulatedAgentOptions;
  /** When it comes back and to where; what it does. */
  readonly #reconnects: Random;
  readonly #choices: Random;
  #connections = 0;
  #connection: AgentConnection | undefined;
  #work: Work | undefined;
  /** In which generation it had a task before. */
  readonly #former = new Map<string, number>();
  /** Rises with each answer, so that a wait for one can tell that it came. */
  #heard = 0;

  constructor(options: SimulatedAgentOptions) {
    this.agentId = options.agentId;
    this.#options = options;
    this.#reconnects = options.chance(`reconnects of ${this.agentId}`);
    this.#choices = options.chance(`choices of ${this.agentId}`);
    this.#connectSoon();
  }

  get isWorking(): boolean {
    return this.#work !== undefined;
  }

  /** Comes back with nothing. */
  crash(): void {
    this.#work = undefined;
    this.loseConnection();
  }

  /** Comes back with what it has. */
  loseConnection(): void {
    this.#connection?.breakDown();
    this.#connection = undefined;
    this.#connectSoon();
  }

  /** The node of its connection is dead. */
  nodeDied(node: SimulatedNode): void {
    if (this.#connection?.node === node) this.#connection.closedByNode();
  }

  #connectSoon(): void {
    const { agentId, chance, nodes, world } = this.#options;
    world.after(this.#reconnects() * RECONNECT_UP_TO_MS, () => {
      if (this.#connection) return;
      const connection: AgentConnection = new AgentConnection({
        ...this.#options,
        random: chance(`connection ${++this.#connections} of ${agentId}`),
        node: nodes[Math.floor(this.#reconnects() * nodes.length)] as SimulatedNode,
        hear: (frame) => this.#connection === connection && this.#hear(connection, frame),
        onClosed: () => {
          if (this.#connection !== connection) return;
          this.#connection = undefined;
          this.#connectSoon();
        },
      });
      this.#connection = connection;
      this.#expectAnswer(connection);
    });
  }

  #hear(connection: AgentConnection, frame: HubFrame): void {
    this.#heard++;
    switch (frame.type) {
      case "identified":
        return this.#resume(connection);
      case "task_assign":
        return this.#assigned(connection, frame);
      case "task_cancelled":
      case "task_reassign":
        if (this.#work?.taskId === frame.task_id) this.#work = undefined;
        return;
      case "task_continue":
        if (this.#work?.taskId !== frame.task_id) return;
        this.#work.generation = frame.generation;
        return this.#reportIfDone();
      case "state_report_ack":
        if (frame.action === "abort") this.#work = undefined;
        return this.#reportIfDone();
      case "task_ack":
        return this.#acknowledged(frame.task_id, frame.status);
      case "error":
        return this.#refused(frame.error);
      default:
        return;
    }
  }

  /** Says what it has; some come back with their result at once, whatever became of the task. */
  #resume(connection: AgentConnection): void {
    const work = this.#work;
    if (!work) return;
    const draw = this.#choices();
    if (draw < 0.3 && work.isDone) return this.#reportIfDone();
    if (draw < 0.5) connection.send({ type: "task_recovering", task_id: work.taskId });
    else connection.send({ type: "state_report", task_id: work.taskId, generation: work.generation, status: "working" });
    this.#expectAnswer(connection);
  }

  #assigned(connection: AgentConnection, { generation, task_id: taskId }: TaskAssignFrame): void {
    const { chance, world } = this.#options;
    if (this.#work) return connection.send({ type: "task_rejected", task_id: taskId, reason: "busy" });
    // The same task takes as long the next time, and has as large a result.
    const luck = chance(`${this.agentId} with ${taskId}`);
    const work: Work = { taskId, generation, isDone: false, bytes: resultBytesOf(chance(`result of ${taskId}`)) };
    this.#work = work;
    this.#repeatItself(connection, taskId);
    this.#former.set(taskId, generation);
    // One in a hundred is never accepted: the hub takes it back.
    if (luck() > 0.01) connection.send({ type: "task_accepted", task_id: taskId });
    world.after(luck() * WORK_UP_TO_MS, () => {
      work.isDone = true;
      if (this.#work === work) this.#reportIfDone();
    });
  }

  /** A report from its first time with this task comes late, or twice. */
  #repeatItself(connection: AgentConnection, taskId: string): void {
    const generation = this.#former.get(taskId);
    if (generation === undefined || this.#choices() > 0.3) return;
    this.#options.history.tell(`${this.agentId} says late that ${taskId} is done, generation ${generation}`);
    connection.send({ type: "task_complete", task_id: taskId, generation, result: { status: "ok" } });
  }

  #reportIfDone(): void {
    const { history } = this.#options;
    const [work, connection] = [this.#work, this.#connection];
    if (!work?.isDone || !connection) return;
    const { bytes, generation, taskId: task_id } = work;
    const draw = this.#choices();
    history.tell(`${this.agentId} says to ${connection.node.name} that ${task_id} is done, generation ${generation}`);
    const times = draw > 0.9 ? 2 : 1;
    for (let time = 0; time < times; time++) {
      if (draw < 0.08) connection.send({ type: "task_failed", task_id, generation, error: "it broke" });
      else connection.send({ type: "task_complete", task_id, generation, result: { status: "ok", output: "x".repeat(bytes) } });
    }
    this.#expectAnswer(connection);
  }

  /** What was acknowledged is stored for good. */
  #acknowledged(taskId: string, status: "accepted" | "complete" | "retried" | "dead_letter"): void {
    const { engine, history } = this.#options;
    if (status === "accepted") return;
    if (status === "complete") {
      history.count("acknowledged");
      if (engine.onDisk.rows.get(taskId)?.task.status !== "completed") {
        history.violated(`task ${taskId}: its completion was acknowledged, but is not on the disk`);
      }
    }
    if (this.#work?.taskId === taskId) this.#work = undefined;
  }

  /** Of two copies the second is refused, perhaps while the next task is under way already. Nothing is said again, as by the recorded sidecar. */
  #refused(error: string): void {
    if (!/^task_(complete|fail)_failed/.test(error)) return;
    this.#options.history.count("refused");
    if (this.#work?.isDone) this.#work = undefined;
  }

  #expectAnswer(connection: AgentConnection): void {
    const heard = this.#heard;
    this.#options.world.after(PATIENCE_MS, () => {
      if (this.#connection === connection && this.#heard === heard) this.loseConnection();
    });
  }
}
