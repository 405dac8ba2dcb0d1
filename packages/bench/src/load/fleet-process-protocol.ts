/** What a load generator and a process with a part of its agents say to each other, over the channel of `child_process.fork`. */
import type { ConnectOutcome, FleetCounters, SidecarBehaviour, SidecarEvent } from "@hubscale/sidecar-sim";
import type { ProcessLoad } from "./process-load.ts";

export type FleetCommand =
  | {
      kind: "connect";
      wsUrls: readonly string[];
      agents: readonly { agentId: string; token: string }[];
      behaviour: SidecarBehaviour;
      seed: number;
      timeScale: number;
      jitter: boolean;
      limitMs: number;
    }
  | { kind: "behaviour"; behaviour: SidecarBehaviour }
  | { kind: "close" };

export type FleetReply =
  | { kind: "connected"; outcome: ConnectOutcome }
  /** Many times a second, the state with some of them. Agents are numbered within the process. Times are of the machine's monotonic clock, which all processes share. */
  | { kind: "news"; events: SidecarEvent[]; completeUntilMs: number; state: FleetProcessState | null }
  /** The last word. */
  | { kind: "closed" };

export interface FleetProcessState {
  online: number;
  busy: number;
  counters: FleetCounters;
  load: ProcessLoad;
}

/** What has to be added to `performance.now()` of this process for the clock that all processes of a machine share (CLOCK_MONOTONIC). */
export function sharedClockOffsetMs(): number {
  return Number(process.hrtime.bigint()) / 1e6 - performance.now();
}
