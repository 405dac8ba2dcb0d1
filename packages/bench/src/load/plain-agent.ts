import { identifyFrame, PING, plainId, readFrame } from "@hubscale/sidecar-sim";
import { WebSocket } from "ws";

/** The fields of a hub's frames that the held loads look at. */
export interface HubFrame {
  type: string;
  task_id?: string;
  generation?: number;
  assigned_at?: number;
  action?: string;
  status?: string;
  error?: string;
  payload?: unknown;
}

export interface PlainAgentOptions {
  url: string;
  agentId: string;
  token: string;
  limitMs: number;
  heard(frame: HubFrame, agent: PlainAgent): void;
  /** The connection ended, though nobody had closed it. */
  lost(agent: PlainAgent): void;
}

/** Hubs evict whom they have not heard from for a minute. */
const PING_EVERY_MS = 20_000;

/** An agent's connection and nothing else: what it says and when is up to the load that holds it. */
export class PlainAgent {
  readonly agentId: string;
  readonly #socket: WebSocket;
  readonly #pings: NodeJS.Timeout;
  #isClosing = false;

  /** Resolves when the hub has identified the agent. Rejects with the reason when it does not. */
  static connect(options: PlainAgentOptions): Promise<PlainAgent> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(options.url, {
        perMessageDeflate: false,
        handshakeTimeout: options.limitMs,
        skipUTF8Validation: true,
      });
      const { agentId, token } = options;
      const agent = new PlainAgent(agentId, socket);
      const timer = setTimeout(() => socket.terminate(), options.limitMs);
      let isIn = false;
      socket.on("open", () => socket.send(identifyFrame({ agentId, token, capabilities: ["code"], ollamaUrl: null })));
      socket.on("message", (data: Buffer) => {
        const frame = hubFrameIn(data.toString());
        if (!isIn && frame.type === "identified") {
          isIn = true;
          clearTimeout(timer);
          resolve(agent);
        } else if (!isIn && frame.type === "error") reject(new Error(`${agentId}: ${frame.error ?? "refused"}`));
        options.heard(frame, agent);
      });
      socket.on("error", (error) => reject(error));
      socket.on("close", (code) => {
        clearTimeout(timer);
        clearInterval(agent.#pings);
        reject(new Error(`${agentId}: closed ${code} before it was identified`));
        if (isIn && !agent.#isClosing) options.lost(agent);
      });
    });
  }

  private constructor(agentId: string, socket: WebSocket) {
    this.agentId = agentId;
    this.#socket = socket;
    this.#pings = setInterval(() => this.send(PING), PING_EVERY_MS);
  }

  /** Frames to a connection that is gone are lost, as they would be on the way. */
  send(text: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#pings);
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.#socket.terminate(), CLOSE_WITHIN_MS);
      this.#socket.once("close", () => {
        clearTimeout(timer);
        resolve();
      });
      this.#socket.close(1001);
    });
  }
}

/** The fields that have the type that they should; a frame that is none is an error of the hub's. */
function hubFrameIn(text: string): HubFrame {
  const frame = readFrame(text);
  if (!frame) return { type: "error", error: "unreadable frame" };
  const { task_id: taskId, generation, assigned_at: assignedAt, action, status, error } = frame;
  return {
    type: frame.type,
    ...(typeof taskId === "string" && plainId(taskId) && { task_id: taskId }),
    ...(Number.isSafeInteger(generation) && { generation: generation as number }),
    ...(Number.isFinite(assignedAt) && { assigned_at: assignedAt as number }),
    ...(typeof action === "string" && { action }),
    ...(typeof status === "string" && { status }),
    ...(typeof error === "string" && { error }),
    payload: frame.payload,
  };
}

const CLOSE_WITHIN_MS = 1_000;
