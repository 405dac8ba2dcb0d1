import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

/**
 * A hub that keeps nothing and checks nearly nothing: first task to the agent that is free for longest. What the harness measures
 * against it is the harness's own floor. With `flaws` it breaks the rules, so that tests can see the tester notice.
 */
export interface NullHubOptions {
  port: number;
  flaws?: Partial<NullHubFlaws>;
  /** Registrations allowed before every further one is answered 429 once; absent: no limit. */
  registrationsFree?: number;
}

export interface NullHubFlaws {
  /** Every nth task is acknowledged and forgotten. 0: never. */
  loseEvery: number;
  /** Every nth completed task is handed out once more. */
  repeatEvery: number;
  /** Every nth assignment goes to a second agent too, with the next generation, and both completions are accepted. */
  staleEvery: number;
  /** Every nth submission is refused with 503. */
  refuseEvery: number;
}

export interface NullHub {
  port: number;
  wsUrl: string;
  httpUrl: string;
  /** Cuts all agents' connections. */
  cutAll(): void;
  close(): Promise<void>;
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

const NO_FLAWS: NullHubFlaws = { loseEvery: 0, repeatEvery: 0, staleEvery: 0, refuseEvery: 0 };

export async function startNullHub(options: NullHubOptions): Promise<NullHub> {
  const desk = new NullDesk({ ...NO_FLAWS, ...options.flaws });
  const door = new NullDoor(desk, options.registrationsFree ?? Number.POSITIVE_INFINITY);
  const http = createServer((request, response) => door.answer(request, response));
  // The default would close kept-alive connections between two trials.
  http.keepAliveTimeout = 120_000;
  const sockets = new WebSocketServer({ server: http, path: "/ws", perMessageDeflate: false, skipUTF8Validation: true });
  sockets.on("connection", (socket) => desk.connected(socket));
  await new Promise<void>((resolve, reject) => {
    http.once("error", reject);
    http.listen(options.port, "127.0.0.1", resolve);
  });
  const { port } = http.address() as AddressInfo;
  return {
    port,
    wsUrl: `ws://127.0.0.1:${port}/ws`,
    httpUrl: `http://127.0.0.1:${port}`,
    cutAll: () => {
      for (const socket of sockets.clients) socket.terminate();
    },
    close: () => closeAll(http, sockets),
  };
}

/** Tasks and agents, all in memory. */
class NullDesk {
  readonly #flaws: NullHubFlaws;
  /** Drawn once: drawing for each task would be a tenth of this hub's CPU. */
  readonly #idPrefix = randomBytes(4).toString("hex");
  readonly #tasks = new Map<string, Task>();
  readonly #queue: Task[] = [];
  #queueHead = 0;
  /** Agents without a task, in the order of becoming idle. An agent that left is skipped. */
  readonly #idle = new Set<Agent>();
  #submitted = 0;
  #assigned = 0;
  #completed = 0;

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

  #received(agent: Agent, frame: { type: string; task_id?: string; generation?: number; agent_id?: string }): void {
    const task = this.#tasks.get(frame.task_id ?? "");
    switch (frame.type) {
      case "identify":
        agent.agentId = String(frame.agent_id);
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
      case "task_rejected":
        if (task?.agent === agent) this.#requeue(task);
        return;
      default:
        return;
    }
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
    if (isNth(this.#completed, this.#flaws.repeatEvery)) this.#requeue(task);
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

  #left(agent: Agent): void {
    this.#idle.delete(agent);
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

/** The HTTP routes that a load generator uses. */
class NullDoor {
  readonly #desk: NullDesk;
  #registrationsFree: number;

  constructor(desk: NullDesk, registrationsFree: number) {
    this.#desk = desk;
    this.#registrationsFree = registrationsFree;
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    const route = `${request.method} ${request.url}`;
    if (route === "POST /api/tasks") {
      withBody(request, (body) => this.#submit(body, response));
    } else if (route === "POST /api/onboard/register") {
      withBody(request, (body) => this.#register(body, response));
    } else if (route.startsWith("GET /api/tasks/")) {
      const task = this.#desk.find(route.slice("GET /api/tasks/".length));
      if (task) reply(response, 200, `{"id":"${task.id}","status":"${task.status}","generation":${task.generation}}`);
      else reply(response, 404, '{"error":"task_not_found"}');
    } else if (route === "GET /health") {
      reply(response, 200, '{"status":"ok"}');
    } else {
      reply(response, 404, '{"error":"not_found"}');
    }
  }

  #submit(body: string, response: ServerResponse): void {
    const task = this.#desk.submit(body);
    if (!task) reply(response, 503, '{"error":"unavailable"}');
    else reply(response, 201, `{"status":"queued","task_id":"${task.id}","priority":2,"created_at":${Date.now()}}`);
  }

  #register(body: string, response: ServerResponse): void {
    if (this.#registrationsFree-- <= 0) {
      this.#registrationsFree = Number.POSITIVE_INFINITY;
      response.setHeader("retry-after", "1");
      reply(response, 429, '{"error":"rate_limited","tier":"heavy","retry_after_ms":50}');
      return;
    }
    const { agent_id: agentId } = JSON.parse(body) as { agent_id: string };
    reply(response, 201, JSON.stringify({ agent_id: agentId, token: randomBytes(32).toString("hex") }));
  }
}

/** The fields of a recorded trivial assignment that do not differ from task to task. */
const ASSIGN_REST = JSON.stringify({
  repo: null,
  branch: null,
  file_hints: [],
  success_criteria: [],
  verification_steps: [],
  complexity: {
    effective_tier: "trivial",
    explicit_tier: "trivial",
    inferred: { tier: "standard", confidence: 0 },
    source: "explicit",
  },
  routing_decision: {
    effective_tier: "trivial",
    target_type: "sidecar",
    selected_endpoint: null,
    selected_model: null,
    fallback_used: false,
    fallback_reason: null,
    classification_reason: "explicit:trivial",
    estimated_cost_tier: "free",
  },
  skip_verification: false,
  verification_timeout_ms: null,
  max_verification_retries: 5,
}).slice(1);

function withBody(request: IncomingMessage, use: (body: string) => void): void {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (chunk: string) => {
    body += chunk;
  });
  request.on("end", () => use(body));
}

function reply(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
}

function isNth(count: number, every: number): boolean {
  return every > 0 && count % every === 0;
}

async function closeAll(http: Server, sockets: WebSocketServer): Promise<void> {
  for (const socket of sockets.clients) socket.close(1001);
  const closed = new Promise<void>((resolve) => {
    http.close(() => resolve());
  });
  http.closeAllConnections();
  for (const socket of sockets.clients) socket.terminate();
  await closed;
}
