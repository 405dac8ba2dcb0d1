/** Nodes of the sharded hub as programs of their own, and an agent that speaks to them over the wire. */
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { HubFrame, SubmitTaskAnswer, SubmitTaskBody, Task, TaskAssignFrame } from "@hubscale/protocol";
import type { ManagedProcess, ProcessCare } from "hubscale/machine";
import { WebSocket } from "ws";
import { type HubSurroundings, withOpenFiles } from "../hub-single/hub-process.ts";

const program = fileURLToPath(import.meta.resolve("@hubscale/hub-sharded/node-main"));

export class NodeProcess {
  readonly process: ManagedProcess;
  readonly ws: string;
  readonly http: string;

  private constructor(process: ManagedProcess, ready: { ws: [string]; http: [string] }) {
    this.process = process;
    [this.ws] = ready.ws;
    [this.http] = ready.http;
  }

  /** Rejects with what the program said when it does not become ready. */
  static async start(care: ProcessCare, flags: readonly string[], { openFiles }: HubSurroundings = {}): Promise<NodeProcess> {
    const plain = [process.execPath, program, "--port", "0", "--rate-limits", "off", "--drain-ms", "0", ...flags];
    const [command = "", ...args] = openFiles === undefined ? plain : withOpenFiles(openFiles, plain);
    const child = await care.start({
      name: "hub node",
      role: "hub",
      command,
      args,
      stdout: "lines",
      log: join(care.temporaryFolder("node"), "log"),
    });
    return new NodeProcess(child, JSON.parse(await child.firstLine(20_000)));
  }

  async call(method: string, path: string, { token, body }: { token?: string; body?: unknown } = {}) {
    const response = await fetch(`${this.http}${path}`, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as Record<string, unknown> };
  }

  async register(agentId: string): Promise<string> {
    const { status, body } = await this.call("POST", "/api/onboard/register", { body: { agent_id: agentId } });
    if (status !== 201) throw new Error(`registration answered ${status}`);
    return body["token"] as string;
  }

  async submit(token: string, body: Partial<SubmitTaskBody> = {}): Promise<SubmitTaskAnswer> {
    const answer = await this.call("POST", "/api/tasks", { token, body: { description: "a task", ...body } });
    if (answer.status !== 201) throw new Error(`submission answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body as unknown as SubmitTaskAnswer;
  }

  async task(token: string, taskId: string): Promise<Task | undefined> {
    const { status, body } = await this.call("GET", `/api/tasks/${taskId}`, { token });
    return status === 200 ? (body as unknown as Task) : undefined;
  }
}

/** An agent's connection. Keeps all that it hears. */
export class WireAgent {
  readonly agentId: string;
  readonly heard: HubFrame[] = [];
  onAssign: ((frame: TaskAssignFrame) => void) | undefined;
  readonly #socket: WebSocket;

  private constructor(agentId: string, socket: WebSocket) {
    this.agentId = agentId;
    this.#socket = socket;
    // A node that is killed under it ends the connection; what matters is what was heard before.
    socket.on("error", () => undefined);
    socket.on("message", (data: Buffer) => {
      const frame = JSON.parse(data.toString("utf8")) as HubFrame;
      this.heard.push(frame);
      if (frame.type === "task_assign") this.onAssign?.(frame);
    });
  }

  static async connect(node: NodeProcess, agentId: string, token: string, capabilities: string[] = []): Promise<WireAgent> {
    const socket = new WebSocket(node.ws);
    const agent = new WireAgent(agentId, socket);
    await once(socket, "open");
    agent.send({ type: "identify", agent_id: agentId, token, capabilities });
    await agent.hears("identified");
    return agent;
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  get closed(): Promise<unknown> {
    return this.isOpen ? once(this.#socket, "close") : Promise.resolve();
  }

  send(frame: Record<string, unknown>): void {
    if (this.isOpen) this.#socket.send(JSON.stringify(frame));
  }

  complete({ task_id, generation }: { task_id: string; generation: number }): void {
    this.send({ type: "task_complete", task_id, generation, result: { status: "ok" } });
  }

  /** The first frame of this type from the `after`th on. */
  async hears<T extends HubFrame["type"]>(type: T, after = 0): Promise<Extract<HubFrame, { type: T }>> {
    const deadlineMs = Date.now() + 15_000;
    for (;;) {
      const frame = this.heard.slice(after).find((each) => each.type === type);
      if (frame) return frame as Extract<HubFrame, { type: T }>;
      if (Date.now() > deadlineMs) throw new Error(`${this.agentId} did not hear ${type}, only ${JSON.stringify(this.heard)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  close(): void {
    this.#socket.terminate();
  }
}
