import type { ConnectOutcome, FleetCounters, SidecarBehaviour } from "@hubscale/sidecar-sim";

/** Simulated sidecars as a load generator sees them, whether they live in this process or in others. Their events go to whom the maker names. */
export interface AgentFleet {
  readonly size: number;
  /** Agents that are identified now; in other processes: a moment ago. The same for those with a task in hand, and for the counters. */
  readonly online: number;
  readonly busy: number;
  counters(): FleetCounters;
  setBehaviour(behaviour: SidecarBehaviour): void;
  connect(limitMs: number, signal?: AbortSignal): Promise<ConnectOutcome>;
  close(): Promise<void>;
}
