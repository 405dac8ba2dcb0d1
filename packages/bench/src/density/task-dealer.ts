/** A hub's part of a task towards one agent: the next task as soon as the last is done, and a look at each answer. */
import type { TaskAssignFrame } from "@hubscale/protocol";
import { TRIVIAL_ASSIGNMENT } from "../load/trivial-assignment.ts";
import { TASK_TEXT } from "./density-load.ts";

interface AgentFrame {
  type?: unknown;
  task_id?: unknown;
  generation?: unknown;
  result?: { status?: unknown };
  verification_report?: { task_id?: unknown };
}

export class TaskDealer {
  private readonly agent: number;
  private readonly send: (text: string) => void;
  private tasks = 0;
  private taskId = "";
  private generation = 0;
  private expected: "identify" | "task_accepted" | "task_complete" = "identify";

  /** `agent` tells its tasks from those of others. */
  constructor(agent: number, send: (text: string) => void) {
    this.agent = agent;
    this.send = send;
  }

  /** Throws when the frame is not the one that is due, or is not about the task that was handed out. */
  received(text: string): void {
    const frame = JSON.parse(text) as AgentFrame;
    if (frame.type !== this.expected) throw new Error(`agent ${this.agent}: ${this.expected} was due, not ${text}`);
    switch (this.expected) {
      case "identify":
        this.send('{"type":"identified","agent_id":"dense"}');
        this.handOut();
        return;
      case "task_accepted":
        if (frame.task_id !== this.taskId) throw this.wrong(text);
        this.expected = "task_complete";
        this.acknowledge("accepted");
        return;
      case "task_complete":
        if (!this.isCompletion(frame)) throw this.wrong(text);
        this.acknowledge("complete");
        this.handOut();
    }
  }

  private isCompletion({ task_id, generation, result, verification_report }: AgentFrame): boolean {
    return (
      task_id === this.taskId &&
      generation === this.generation &&
      result?.status === "success" &&
      verification_report?.task_id === this.taskId
    );
  }

  private acknowledge(status: string): void {
    this.send(`{"type":"task_ack","task_id":"${this.taskId}","status":"${status}"}`);
  }

  private handOut(): void {
    this.tasks++;
    this.taskId = `task-${hex(this.agent)}${hex(this.tasks)}`;
    // As after some retries: an agent that answers with a constant is found out.
    this.generation = 1 + ((this.agent + this.tasks) % 7);
    this.expected = "task_accepted";
    const frame: TaskAssignFrame = {
      type: "task_assign",
      task_id: this.taskId,
      description: TASK_TEXT.description,
      metadata: { note: TASK_TEXT.note },
      generation: this.generation,
      assigned_at: Date.now(),
      ...TRIVIAL_ASSIGNMENT,
    };
    this.send(JSON.stringify(frame));
  }

  private wrong(text: string): Error {
    return new Error(`agent ${this.agent} has ${this.taskId}, generation ${this.generation}, and answered ${text}`);
  }
}

/** Eight digits. */
function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}
