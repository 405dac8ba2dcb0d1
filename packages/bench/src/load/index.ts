export { GeneratorFailed, GeneratorProcess, type GeneratorProcessListener } from "./generator-process.ts";
export type * from "./generator-protocol.ts";
export { checkHistory, type HistoryEvent, type HistoryVerdict, RunHistory } from "./history-check.ts";
export type { EncodedLatencies } from "./latency-record.ts";
export { type Connected, type ConnectSurroundings, LoadGenerator } from "./load-generator.ts";
export type { NullHubFlaws } from "./null-desk.ts";
export { type NullHub, type NullHubOptions, startNullHub } from "./null-hub.ts";
export { StreamingLoad } from "./streaming-load.ts";
export { runTrial } from "./trial-run.ts";
