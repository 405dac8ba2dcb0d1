import { randomBytes } from "node:crypto";
import type { WebSocket } from "ws";
import { TRIVIAL_ASSIGNMENT } from "./trivial-assignment.ts";

/** The rules that a null hub can be told to break. */
export interface NullHubFlaws {
  /** Every nth task is acknowledged and forgotten. 0: never. */
  loseEvery: number;
  /** Every nth completed task is handed out once more. */
  repeatEvery: number;
  /** Every nth assignment goes to a second agent too, with the next generation, and both completions are accepted. */
  staleEvery: number;
  /** Every nth submission is refused with 503. */
  refuseEvery: number;
  /** CPU that each completed task leaves to be paid once nothing has come for a while: work accepted and put off. */
  debtMsPerTask: number;
}

interface Task {
  id: string;
  generation: number;
  status: "queued" | "assigned" | "completed" | "dead_letter";
  agent: Agent | undefined;
  /** The rest of the submission, as it goes into `task_assign`. */
  description: string;
  metadata: string;
}

interface Agent {
  agentId: string;
  socket: WebSocket;
  task: Task | undefined;
}

interface AgentFrame {
  type: string;
  task_id?: string;
  generation?: number;
  agent_id?: string;
  to?: string;
  payload?: unknown;
}

/** Tasks and agents of the null hub, all in memory. */
export class NullDesk {
  readonly #flaws: NullHubFlaws;
  /** Drawn once: drawing for each task would be a tenth of this hub's CPU. */
  readonly #idPrefix = randomBytes(4).toString("hex");
  readonly #tasks = new Map<string, Task>();
  readonly #agents = new Map<string, Agent>();
  readonly #queue: Task[] = [];
  #queueHead = 0;
  /** Agents without a task, in the order of becoming idle. An agent that left is skipped. */
  readonly #idle = new Set<Agent>();
  #submitted = 0;
  #assigned = 0;
  #completed = 0;
  #owedMs = 0;
  #paying: NodeJS.Timeout | undefined;

  constructor(flaws: NullHubFlaws) {
    this.#flaws = flaws;
  }

  find(id: string): Task | undefined {
    return this.#tasks.get(id);
  }

  /** Undefined: refused. */
  submit(body: string): Task | undefined {
    this.#submitted++;
    if (isNth(this.#submitted, this.#flaws.refuseEvery)) return undefined;
    const { description, metadata } = JSON.parse(body) as { description: string; metadata?: unknown };
    const task: Task = {
      id: `task-${this.#idPrefix}${this.#submitted.toString(16).padStart(8, "0")}`,
      generation: 0,
      status: "queued",
      agent: undefined,
      description: JSON.stringify(description),
      metadata: JSON.stringify(metadata ?? {}),
    };
    if (isNth(this.#submitted, this.#flaws.loseEvery)) return task;
    this.#tasks.set(task.id, task);
    this.#enqueue(task);
    return task;
  }

  connected(socket: WebSocket): void {
    const agent: Agent = { agentId: "", socket, task: undefined };
    socket.on("message", (data: Buffer) => this.#received(agent, JSON.parse(data.toString())));
    socket.on("close", () => this.#left(agent));
  }

  #received(agent: Agent, frame: AgentFrame): void {
    const task = this.#tasks.get(frame.task_id ?? "");
    switch (frame.type) {
      case "identify":
        agent.agentId = String(frame.agent_id);
        this.#agents.set(agent.agentId, agent);
        agent.socket.send(`{"type":"identified","agent_id":"${agent.agentId}"}`);
        this.#freed(agent);
        return;
      case "ping":
        agent.socket.send(`{"type":"pong","timestamp":${Date.now()}}`);
        return;
      case "task_accepted":
        agent.socket.send(`{"type":"task_ack","task_id":"${frame.task_id}","status":"accepted"}`);
        return;
      case "task_complete":
        this.#complete(agent, task, frame.generation);
        return;
      case "task_failed":
        if (task?.generation === frame.generation && task?.agent === agent) this.#deadLetter(agent, task);
        else agent.socket.send('{"type":"error","error":"task_fail_failed: stale_generation"}');
        return;
      case "state_report": {
        const action = task?.agent === agent && task.generation === frame.generation ? "continue" : "abort";
        agent.socket.send(`{"type":"state_report_ack","task_id":"${frame.task_id}","action":"${action}"}`);
        return;
      }
      case "message":
        this.#deliver(frame);
        return;
      case "task_rejected":
        if (task?.agent === agent) this.#rejected(agent, task);
        return;
      default:
        return;
    }
  }

  #deliver(frame: { to?: string; payload?: unknown }): void {
    const text = `{"type":"message","payload":${JSON.stringify(frame.payload ?? null)}}`;
    if (frame.to !== undefined) this.#agents.get(frame.to)?.socket.send(text);
    else for (const agent of this.#agents.values()) agent.socket.send(text);
  }

  #complete(agent: Agent, task: Task | undefined, generation: number | undefined): void {
    const lenient = this.#flaws.staleEvery > 0;
    const current = task?.status === "assigned" && (task.generation === generation || lenient);
    if (!task || !(current || lenient)) {
      agent.socket.send('{"type":"error","error":"task_complete_failed: stale_generation"}');
      return;
    }
    task.status = "completed";
    agent.socket.send(`{"type":"task_ack","task_id":"${task.id}","status":"complete"}`);
    this.#freed(agent);
    this.#completed++;
    this.#owe(this.#flaws.debtMsPerTask);
    if (isNth(this.#completed, this.#flaws.repeatEvery)) this.#requeue(task);
  }

  /** Begins when nothing has come for a moment, so that it never shows in a latency; in pieces, so that what comes then is heard. */
  #owe(ms: number): void {
    this.#owedMs = Math.min(MOST_OWED_MS, this.#owedMs + ms);
    clearTimeout(this.#paying);
    if (this.#owedMs > 0) this.#paying = setTimeout(() => this.#pay(), PAY_AFTER_MS);
  }

  #pay(): void {
    const untilMs = performance.now() + PIECE_MS;
    while (performance.now() < untilMs);
    this.#owedMs -= PIECE_MS;
    if (this.#owedMs > 0) this.#paying = setTimeout(() => this.#pay(), PAUSE_MS);
  }

  #deadLetter(agent: Agent, task: Task): void {
    task.status = "dead_letter";
    agent.socket.send(`{"type":"task_ack","task_id":"${task.id}","status":"dead_letter"}`);
    this.#freed(agent);
  }

  #freed(agent: Agent): void {
    agent.task = undefined;
    this.#idle.add(agent);
    this.#pair();
  }

  /** It holds a task of before a reconnect and has not heard yet that it may drop it: at once it would reject the next one too. */
  #rejected(agent: Agent, task: Task): void {
    agent.task = undefined;
    this.#requeue(task);
    setTimeout(() => {
      if (this.#agents.get(agent.agentId) === agent && agent.task === undefined) this.#freed(agent);
    }, PASS_OVER_MS).unref();
  }

  #left(agent: Agent): void {
    this.#idle.delete(agent);
    this.#agents.delete(agent.agentId);
    if (agent.task?.agent === agent && agent.task.status === "assigned") this.#requeue(agent.task);
  }

  #requeue(task: Task): void {
    task.status = "queued";
    task.generation++;
    task.agent = undefined;
    this.#enqueue(task);
  }

  #enqueue(task: Task): void {
    this.#queue.push(task);
    this.#pair();
  }

  #pair(): void {
    for (;;) {
      const task = this.#queue[this.#queueHead];
      const agent = this.#takeIdle(task);
      if (!task || !agent) break;
      this.#queueHead++;
      this.#assign(task, agent);
      const second = isNth(++this.#assigned, this.#flaws.staleEvery) ? this.#takeIdle(task) : undefined;
      if (second) this.#assign(task, second);
    }
    if (this.#queueHead > 1024) this.#queue.splice(0, this.#queueHead);
    if (this.#queueHead > 1024) this.#queueHead = 0;
  }

  #takeIdle(task: Task | undefined): Agent | undefined {
    const agent = task && this.#idle.values().next().value;
    if (agent) this.#idle.delete(agent);
    return agent;
  }

  #assign(task: Task, agent: Agent): void {
    task.status = "assigned";
    task.generation++;
    task.agent = agent;
    agent.task = task;
    agent.socket.send(
      `{"type":"task_assign","task_id":"${task.id}","description":${task.description},"metadata":${task.metadata},"generation":${task.generation},"assigned_at":${Date.now()},${ASSIGN_REST}`,
    );
  }
}

const PASS_OVER_MS = 100;
/** Longer than the gaps of the load that it is tested with. */
const PAY_AFTER_MS = 60;
const PIECE_MS = 45;
const PAUSE_MS = 5;
/** So that a warm-up leaves no more than can be waited for. */
const MOST_OWED_MS = 3_000;

/** Behind the fields that differ from task to task; without its opening brace. */
const ASSIGN_REST = JSON.stringify(TRIVIAL_ASSIGNMENT).slice(1);

function isNth(count: number, every: number): boolean {
  return every > 0 && count % every === 0;
}
