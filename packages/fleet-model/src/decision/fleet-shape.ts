/** A fleet as a what-if sees it: kinds of hosts with a count, all by name, plain data that fits into a link. */
import type { NetworkPath } from "../network-path.ts";

export interface FleetShape {
  name: string;
  sites: readonly SiteShape[];
  hosts: readonly HostKind[];
  /** Of one organisation. */
  api: ApiShape;
}

export interface ApiShape {
  /** A key of CLAUDE_TIERS. */
  tier: string;
  /** The id of one of CLAUDE_MODELS. */
  model: string;
}

export interface SiteShape {
  name: string;
  /** `local`: the hub is in this network; `remote`: it lies behind the uplink, reached over `meshPath`. */
  hub: "local" | "remote";
  /** To the hub. The API is always reached without the mesh. */
  meshPath: NetworkPath["id"];
  upMbitPerSec: number;
  /** One way. */
  delayMs: number;
}

export interface HostKind {
  name: string;
  /** Name of its site. */
  site: string;
  /** Hosts that are alike. */
  count: number;
  cores: number;
  ramGb: number;
  /** On each of them. */
  agents: number;
  /** Null: no GPU; its agents are given the endpoints of other hosts, in equal numbers. */
  gpu: GpuShape | null;
}

export interface GpuShape {
  /** The id of one of GPU_TYPES. */
  type: string;
  cards: number;
  /** OLLAMA_NUM_PARALLEL. */
  numParallel: number;
  /** The name of one of LLM_MODELS. */
  model: string;
  contextTokens: number;
}

export function agentsOf(fleet: FleetShape): number {
  return fleet.hosts.reduce((sum, { count, agents }) => sum + count * agents, 0);
}
