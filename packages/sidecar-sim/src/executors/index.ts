export { SimulatedHost, type VramUse } from "../hosts/simulated-host.ts";
export { ScaledTime } from "../stubs/scaled-time.ts";
export { CountedClient } from "./counted-client.ts";
export { PlannedExecutor, type PlannedWork } from "./planned-executor.ts";
export { TASK_NUMBER_FIELD, taskNumber } from "./task-number.ts";
