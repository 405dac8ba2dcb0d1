export * from "./clock.ts";
export * from "./drawn-executor.ts";
export * from "./manual-clock.ts";
export * from "./open-files.ts";
export * from "./random.ts";
export * from "./registration.ts";
export { Sidecar } from "./sidecar.ts";
export * from "./sidecar-events.ts";
export {
  acceptedFrame,
  completeFrame,
  identifyFrame,
  PING,
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
