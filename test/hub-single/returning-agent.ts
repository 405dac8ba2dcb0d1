/** An agent that outlives its hub: it comes back with the task that it had, and goes on with it if it may. */
import { once } from "node:events";
import { WebSocket } from "ws";
import type { HubProcess } from "./hub-process.ts";

interface Held {
  task_id: string;
  generation: number;
}

/** Of the frames of the hub, what the agent looks at. */
interface Heard extends Held {
  type: string;
  status?: string;
  action?: "continue" | "abort";
}

export class ReturningAgent {
  readonly #agentId: string;
  readonly #token: string;
  readonly #onCompleted: (taskId: string) => void;
  #held: Held | undefined;

  /** `onCompleted` is called for each completion that the hub has acknowledged. */
  constructor(agentId: string, token: string, onCompleted: (taskId: string) => void) {
    this.#agentId = agentId;
    this.#token = token;
    this.#onCompleted = onCompleted;
  }

  /** Takes tasks and completes them. Resolves when the connection is gone. */
  async workAt(hub: HubProcess): Promise<void> {
    const socket = new WebSocket(hub.ws);
    const say = (frame: object) => socket.send(JSON.stringify(frame));
    socket.on("open", () => {
      say({ type: "identify", agent_id: this.#agentId, token: this.#token });
    });
    // The other side is killed: that this breaks the connection is the point.
    socket.on("error", () => socket.terminate());
    socket.on("message", (data) => this.#hear(JSON.parse(String(data)) as Heard, say));
    await once(socket, "close");
  }

  #hear(frame: Heard, say: (frame: object) => void): void {
    const { type, task_id, generation } = frame;
    switch (type) {
      case "identified":
        say(this.#held ? { type: "state_report", status: "working", ...this.#held } : { type: "state_report", task_id: null });
        return;
      case "state_report_ack":
        if (frame.action === "continue" && this.#held) say({ type: "task_complete", ...this.#held, result: DONE });
        else this.#held = undefined;
        return;
      case "task_assign":
        this.#held = { task_id, generation };
        say({ type: "task_accepted", task_id });
        say({ type: "task_complete", task_id, generation, result: DONE });
        return;
      case "task_ack":
        if (frame.status !== "complete") return;
        this.#held = undefined;
        this.#onCompleted(task_id);
        return;
    }
  }
}

const DONE = { status: "success" };
