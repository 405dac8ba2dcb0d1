/** A hub under test: how it is started, what it says of itself, how it ends. Nothing here measures. */
import type { BackplaneDescription, DurabilityLevel } from "@hubscale/hub-runtime";
import type { ManagedProcess, ProcessCare, UsageMark } from "../machine/index.ts";
import type { ProvisionedServer, Refusal, ServerSources } from "../provisioning/index.ts";
import type { HubSpec } from "./hub-id.ts";
import type { HubPlacement } from "./hub-placement.ts";
import type { Launcher } from "./hub-program.ts";

export interface HubEnvironment {
  care: ProcessCare;
  sources: ServerSources;
  /** Required of every store that the hub keeps tasks in. */
  durability: DurabilityLevel;
  /** Data folders are made in here; by default among the temporary folders. Removed when the hub stops. */
  dir?: string;
  /** The data folder itself, used as it is found, and kept. */
  keptFolder?: string;
  /** `off` (the default here), `reference`, or a file. */
  rateLimits?: string;
  /** Further flags of each node's program, for its edge: `--registration closed`, `--max-connections 100`. */
  edgeFlags?: readonly string[];
  /** Completed tasks that are in the store before the first one comes. Default 0. */
  seedCompletedRows?: number;
  /** Every sync of a single hub takes at least this long; other hubs refuse. Default: as long as it takes. */
  fsyncFloorMs?: number;
  /** Queue shards of a sharded hub; default: the program's own, or one for each backbone server if there are more. */
  shards?: number;
  /** The Redis servers form one Redis Cluster (three at least). Default: they are separate. */
  isRedisCluster?: boolean;
  /** How many NATS servers keep each stream. Default 1. */
  replicas?: number;
  /** Node i listens on `port + i`; default: any free ports. */
  port?: number;
  /** Where the hub's programs log: our own stderr, or (the default) a file that is shown when one fails. */
  log?: "inherit";
  /** Where `external` is; `pids`: its processes, where they are on this machine. */
  target?: { ws: string; http: string; pids?: readonly number[] };
  /** A node must be ready within this time; with many seeded rows it takes longer. Default 60,000. */
  readyWithinMs?: number;
  /** Runs node for the first program of the hub: a profiler. Default: node itself. */
  launcher?: Launcher;
  /** The machines of its programs and servers. Default: this one. */
  placement?: HubPlacement;
  /** Told what takes time, one line each. */
  tell?: (line: string) => void;
}

export interface RunningHub {
  id: string;
  spec: HubSpec;
  /** One address per node. */
  ws: string[];
  http: string[];
  /** Pids by role of those of its processes that are on this machine: `hub`, `redis`, `nats`. */
  roles: ReadonlyMap<string, readonly number[]>;
  /** What all of its processes have used so far, by role, wherever they run; without roles for a hub that is not ours. */
  readUsage(): Promise<UsageMark>;
  /** The hub's own programs, in the order of `ws`. */
  nodes: readonly ManagedProcess[];
  servers: readonly ProvisionedServer[];
  describe(): Promise<HubDescription>;
  /** Drains the nodes, stops their servers, removes their data. */
  stop(): Promise<void>;
}

export type StartedHub = { ok: true; hub: RunningHub } | { ok: false; refusal: Refusal };

export interface HubDescription {
  hub: string;
  /** `verified`: the weakest of all stores, as seen on the running ones; null when one says too little. */
  durability: { required: DurabilityLevel; verified: DurabilityLevel | null; how: string };
  /** What each node says of itself; empty when the hub does not have `GET /api/describe`. */
  nodes: BackplaneDescription[];
  servers: Pick<ProvisionedServer, "kind" | "version" | "origin" | "durability" | "settings" | "configText">[];
  /** What cannot be told of this hub. */
  unknown: string[];
}
