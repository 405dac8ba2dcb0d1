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
