export * from "./clock.ts";
export * from "./drawn-executor.ts";
export { readFrame } from "./hub-frame-reader.ts";
export * from "./manual-clock.ts";
export * from "./random.ts";
export * from "./registration.ts";
export * from "./retry-after.ts";
export * from "./room-for-agents.ts";
export { Sidecar } from "./sidecar.ts";
export * from "./sidecar-events.ts";
export {
  acceptedFrame,
  completeFrame,
  identifyFrame,
  PING,
  plainId,
  rejectedFrame,
  type ResourceSample,
  stateReportFrame,
  tokenFrame,
} from "./sidecar-frames.ts";
export * from "./sidecar-fleet.ts";
export * from "./sidecar-surroundings.ts";
export * from "./sidecar-timers.ts";
export * from "./task-executor.ts";
export { textFrame } from "./text-frame.ts";
export * from "./work-time.ts";
