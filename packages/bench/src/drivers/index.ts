export { provisionServers, serversRefusal, shardsFor } from "./backbone-servers.ts";
export * from "./hub-id.ts";
export * from "./hub-placement.ts";
export {
  type HubProgram,
  type HubProgramName,
  READY_WITHIN_MS,
  type ReadyLine,
  type StartedProgram,
  startProgram,
} from "./hub-program.ts";
export type { HubDescription, HubEnvironment, RunningHub, StartedHub } from "./running-hub.ts";
export * from "./start-hub.ts";
