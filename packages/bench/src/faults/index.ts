export { FaultProxy, type ProxyTarget } from "./fault-proxy.ts";
export { FrontDoor } from "./front-door.ts";
export { HubUnderFault, unavailableKinds } from "./hub-under-fault.ts";
export { PausedProcesses } from "./paused-processes.ts";
export { RestartableServer, type ServerPlace, type StartServer } from "./restartable-server.ts";
export { type Recovery, SteadyWork, type SteadyWorkEnd, type SteadyWorkOptions } from "./steady-work.ts";
