import { expect, it } from "vitest";
import { type AgentEvent, type AgentState, agentTransition } from "./agent-state.ts";

const STATES: AgentState[] = ["offline", "idle", "assigned", "working", "blocked"];

it.each<[AgentEvent, ...(AgentState | undefined)[]]>([
  // event, from offline, idle, assigned, working, blocked
  ["connect", "idle", undefined, undefined, undefined, undefined],
  ["assign", undefined, "assigned", undefined, undefined, undefined],
  ["accept", undefined, undefined, "working", undefined, undefined],
  ["block", undefined, undefined, undefined, "blocked", undefined],
  ["unblock", undefined, undefined, undefined, undefined, "working"],
  ["finish", undefined, undefined, "idle", "idle", "idle"],
  ["release", undefined, undefined, "idle", "idle", "idle"],
  ["disconnect", undefined, "offline", "offline", "offline", "offline"],
])("%s", (event, ...next) => {
  expect(STATES.map((state) => agentTransition(state, event))).toEqual(next);
});
