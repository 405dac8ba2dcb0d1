/** The states of an agent, as a table. A second connection of the same agent starts a state of its own. */
export type AgentState = "offline" | "idle" | "assigned" | "working" | "blocked";

export type AgentEvent =
  /** Identified. */
  | "connect"
  /** Handed a task. */
  | "assign"
  /** It said `task_accepted`. */
  | "accept"
  | "block"
  | "unblock"
  /** Its task completed or failed. */
  | "finish"
  /** Its task was taken from it: cancelled, rejected, or not accepted in time. */
  | "release"
  | "disconnect";

const TABLE: Record<AgentState, Partial<Record<AgentEvent, AgentState>>> = {
  offline: { connect: "idle" },
  idle: { assign: "assigned", disconnect: "offline" },
  // A sidecar may finish a very short task, or one that it cannot start, before it says that it accepted it.
  assigned: { accept: "working", finish: "idle", release: "idle", disconnect: "offline" },
  working: { block: "blocked", finish: "idle", release: "idle", disconnect: "offline" },
  blocked: { unblock: "working", finish: "idle", release: "idle", disconnect: "offline" },
};

/** The next state; undefined: the event does not fit the state, and nothing changes. */
export function agentTransition(state: AgentState, event: AgentEvent): AgentState | undefined {
  return TABLE[state][event];
}
