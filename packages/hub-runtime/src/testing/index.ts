export { conformanceCases } from "./conformance/conformance.ts";
export {
  type CaseOutcome,
  type ConformanceCase,
  ConformanceContext,
  type ConformanceTarget,
  NotApplicable,
  runConformanceCase,
} from "./conformance/conformance-case.ts";
export { SidecarClient } from "./conformance/sidecar-client.ts";
export { MemoryStores, memoryBackplane } from "./memory-backplane.ts";
export { MemoryDesk, type MemoryDeskOptions } from "./memory-desk.ts";
export { ManualClock } from "./manual-clock.ts";
export { type MemoryHubOptions, startMemoryHub } from "./memory-hub.ts";
export { lineAgent } from "./recording-line.ts";
/** The parts of the edge behind its sockets, for a hub in simulated time. */
export { type AgentLine, ConnectedAgent } from "../connected-agent.ts";
export { bytesAbove, jsonBytesOf, recordBytesFor, refuseAbove } from "../document-size.ts";
export { HubMetrics } from "../hub-metrics.ts";
export { PresenceBoard } from "../presence-board.ts";
export { LocalRoster } from "../roster.ts";
export { TaskReports } from "../task-reports.ts";
