export * from "./hub-id.ts";
export type { HubDescription, HubEnvironment, RunningHub, StartedHub } from "./running-hub.ts";
export * from "./start-hub.ts";
