export * from "./disk-sync.ts";
export * from "./environment.ts";
export * from "./executables.ts";
export * from "./filesystem.ts";
export * from "./managed-process.ts";
export * from "./process-care.ts";
export { startMarkOf } from "./process-identity.ts";
export * from "./process-sampler.ts";
export { type ProcessUsage, readCpuSeconds, readUsage } from "./process-usage.ts";
