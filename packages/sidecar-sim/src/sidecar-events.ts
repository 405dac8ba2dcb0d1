import type { TaskResult } from "./task-executor.ts";

/** What a load generator may want to know of its sidecars. `agent` is the index in the fleet, `atMs` the clock's monotonic time. */
export type SidecarEvent = { agent: number; atMs: number } & (
  | { type: "identified" }
  | { type: "assigned"; taskId: string; generation: number }
  | { type: "accepted_sent"; taskId: string; generation: number }
  | { type: "accepted_acked"; taskId: string }
  /** A completion or a failure was handed to the socket. */
  | { type: "outcome_sent"; taskId: string; generation: number; outcome: TaskOutcome; result: TaskResult }
  /** `generation` null: an ack that no outcome of this agent was waiting for. */
  | { type: "outcome_acked"; taskId: string; generation: number | null; status: OutcomeStatus }
  /** The hub said no; `error` is its text (`task_complete_failed: stale_generation`). The wire names no task: the oldest unanswered one. */
  | { type: "outcome_refused"; taskId: string; generation: number; error: string }
  /** The sidecar was busy when the task came. */
  | { type: "rejected_sent"; taskId: string; generation: number }
  /** The work in hand was dropped: the hub cancelled it, or said abort after a reconnect. */
  | { type: "dropped"; taskId: string; generation: number; because: "cancelled" | "abort" }
  /** After a reconnect the hub let the sidecar go on. */
  | { type: "continued"; taskId: string; generation: number }
  | { type: "rate_limited"; retryAfterMs: number }
  /** Any other error frame. */
  | { type: "error"; error: string }
  /** A frame that breaks the contract, and was left aside; `what` is one of a few fixed texts. */
  | { type: "protocol_fault"; what: string }
  /** The hub will not have this agent (wrong token, token of another agent): no more attempts are made. */
  | { type: "turned_away"; error: string }
  | { type: "disconnected"; reason: string }
);

export type TaskOutcome = "complete" | "failed_result" | "failed";
export type OutcomeStatus = "complete" | "retried" | "dead_letter";

type WithoutOrigin<E> = E extends unknown ? Omit<E, "agent" | "atMs"> : never;

/** An event before the fleet adds whose and when. */
export type SidecarNews = WithoutOrigin<SidecarEvent>;
