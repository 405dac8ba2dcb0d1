/** What other programs may use of the bench: its results, the servers that it finds, the hubs that it starts. */
export * from "./drivers/index.ts";
export * from "./machine/index.ts";
export type { Estimate } from "./measure/estimate.ts";
export * from "./provisioning/index.ts";
export { COMPARE_SCHEMA } from "./results/compare-result.ts";
export type * from "./results/compare-result.ts";
