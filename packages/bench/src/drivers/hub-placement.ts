/** The seam to other machines: where the parts of a hub are started when it is not here. */
import type { DurabilityLevel } from "@hubscale/hub-runtime";
import type { ProcessKey, ProcessUsage } from "../machine/index.ts";
import type { ProvisionedServer, ProvisionRequest, Refusal } from "../provisioning/index.ts";
import type { HubProgram, ReadyLine } from "./hub-program.ts";

export interface HubPlacement {
  /** Each on its machine, at an address that the other machines reach; all or none. Rejects with the end of the log of the one that failed. */
  startPrograms(programs: readonly HubProgram[], readyWithinMs: number): Promise<PlacedProgram[]>;
  /** Servers that the programs reach. `here`: how they are made, where that is on this machine. */
  provision(order: ServerOrder, here: ProvisionRequest): Promise<PlacedServers>;
}

/** In the arguments of a program: a folder of its own, which its machine makes and removes. */
export const FOLDER_THERE = "{folder}";

export interface PlacedProgram {
  ready: ReadyLine;
  readUsage(): Promise<ProcessReading[]>;
  /** As `ManagedProcess.stop`. Resolves also when its machine is out of reach: that machine ends it by itself. */
  stop(): Promise<void>;
}

export type PlacedServers =
  | { ok: true; servers: ProvisionedServer[]; readUsage(): Promise<ProcessReading[]> }
  | { ok: false; refusal: Refusal };

/** The servers of one hub's engine. */
export interface ServerOrder {
  kind: "redis" | "nats";
  count: number;
  isRedisCluster: boolean;
  durability: DurabilityLevel;
}

/** What one process has used so far. */
export interface ProcessReading {
  role: string;
  key: ProcessKey;
  usage: ProcessUsage;
}
