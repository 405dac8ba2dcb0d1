/** The seam between a sidecar's protocol and its work: what it is handed, what it may tell on the way, and what comes of it. */
import type { TaskAssignFrame } from "@hubscale/protocol";
import type { TaskOutcome } from "./sidecar-events.ts";

/** A task as the hub handed it out. */
export interface AssignedTask {
  taskId: string;
  generation: number;
  /** The hub's frame: tier, endpoint and model are in its `complexity` and `routing_decision`. Unchecked, so any field may be missing. May be read anew at each look. */
  assignment: Readonly<Partial<TaskAssignFrame>>;
}

/** Does the tasks of one agent, one at a time. Expected failures are results; a rejection that no abort explains ends the program. */
export interface TaskExecutor {
  /** It never looks at an assignment: then none is kept while a task is in hand, and it is empty. */
  readonly ignoresAssignment?: boolean;
  /**
   * Works until the result is there, which is handed back as it is when the work took no time. After an abort of the signal (the
   * hub took the task away) all that belongs to the work must end; what the promise then does is of no interest.
   */
  run(task: AssignedTask, work: WorkUnderWay): TaskResult | Promise<TaskResult>;
}

export interface WorkUnderWay {
  readonly signal: AbortSignal;
  /** Calls the last one given at the abort: for executors of thousands of tasks a second, where a signal for each would be a tenth of their cost. */
  onAbort(run: () => void): void;
  /** Tokens are batched into windows of 100 ms by the sidecar; all else leaves at once. */
  onProgress(event: ProgressEvent): void;
}

export type ProgressEvent =
  /** Streamed tokens that came just now. */
  | { type: "token"; text: string; tokens: number; model: string }
  /** From now on tokens come at a steady rate (of the fleet's time), up to `tokens`: as good as `token` events, at less cost. */
  | { type: "steady_tokens"; textPerToken: string; tokensPerSec: number; tokens: number; model: string }
  | { type: "status" | "stdout" | "error"; text: string };

export interface TaskResult {
  outcome: TaskOutcome;
  /** In the fleet's time. */
  workMs: number;
  output: string;
  /** `none`: no model was asked. */
  modelUsed: string;
  tokensIn: number;
  tokensOut: number;
  costUsd: number;
  /** Why it failed; null when it did not. */
  error: string | null;
  /** Payload of the requests and their answers, HTTP heads included as far as they are known. */
  traffic: TaskTraffic;
}

/** Bytes that the work moved, by segment. The segment to the hub is counted on its connection. */
export interface TaskTraffic {
  ollama: Traffic;
  api: Traffic;
}

/** `up` is away from the sidecar. */
export interface Traffic {
  upBytes: number;
  downBytes: number;
}

export const NO_TRAFFIC: TaskTraffic = { ollama: { upBytes: 0, downBytes: 0 }, api: { upBytes: 0, downBytes: 0 } };

/** A success for which no model was asked. */
export function plainSuccess(output: string, workMs: number): TaskResult {
  return {
    outcome: "complete",
    workMs,
    output,
    modelUsed: "none",
    tokensIn: 0,
    tokensOut: 0,
    costUsd: 0,
    error: null,
    traffic: NO_TRAFFIC,
  };
}
