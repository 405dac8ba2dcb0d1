/** From bytes per task to agents per line. */
import {
  agentsPerLine,
  type BothWays,
  meanOf,
  NETWORK_PATHS,
  type NetworkPath,
  segmentWireBytes,
  TOOL_MS,
  type WorkTier,
} from "@hubscale/fleet-model";
import type { ByteCount, TaskBytes } from "./byte-count.ts";
import type { LineDemand } from "./bytes-schema.ts";

export type { LineDemand };

/** What goes over a site's line, and how it is wrapped. The API is reached without the mesh. */
export interface LineLayout {
  id: string;
  hub: NetworkPath;
  /** Undefined: the endpoint is in the site. */
  ollama: NetworkPath | undefined;
}

const { plain, "mesh-v4": mesh } = NETWORK_PATHS;

export const LAYOUTS: readonly LineLayout[] = [
  { id: "GPU in the site, no mesh", hub: plain, ollama: undefined },
  { id: "GPU in the site, mesh", hub: mesh, ollama: undefined },
  { id: "GPU elsewhere, no mesh", hub: plain, ollama: plain },
  { id: "GPU elsewhere, mesh", hub: mesh, ollama: mesh },
];

export const LINES_MBIT = [10, 20, 100, 1_000] as const;

/** Tools between the requests of a task, TraceLab's mean; they move nothing and take time. */
export function busySec({ workSec, tier }: TaskBytes, requests: number): number {
  return workSec + (tier === "trivial" ? 0 : ((requests - 1) * meanOf(TOOL_MS)) / 1_000);
}

/** `mix`: a task of each tier in turn. */
export function lineDemands({ idle, tiers }: ByteCount): LineDemand[] {
  return LAYOUTS.flatMap((layout) => {
    const needs = tiers.map((task) => ({
      tier: task.tier as WorkTier | "mix",
      bytes: taskWireBytes(task, layout),
      sec: busySec(task, requestsOf(task)),
    }));
    const sum = (value: (need: (typeof needs)[number]) => number) => needs.reduce((total, need) => total + value(need), 0);
    const mix = { tier: "mix" as const, bytes: { up: sum(({ bytes }) => bytes.up), down: sum(({ bytes }) => bytes.down) } };
    const heartbeat = segmentWireBytes(idle, layout.hub);
    return [...needs, { ...mix, sec: sum(({ sec }) => sec) }].map(({ tier, bytes, sec }) => {
      const bitsPerSec = { up: 8 * (bytes.up / sec + heartbeat.up), down: 8 * (bytes.down / sec + heartbeat.down) };
      const agents = LINES_MBIT.map((mbit) => agentsPerLine(bitsPerSec, { up: mbit * 1e6, down: mbit * 1e6 }));
      return { tier, layout: layout.id, bitsPerSec, agents, bound: bitsPerSec.up >= bitsPerSec.down ? "up" : "down" };
    });
  });
}

function taskWireBytes({ hub, ollama, api }: TaskBytes, layout: LineLayout): BothWays {
  const parts = [
    segmentWireBytes(hub, layout.hub),
    segmentWireBytes(api, plain),
    ...(layout.ollama ? [segmentWireBytes(ollama, layout.ollama)] : []),
  ];
  return { up: parts.reduce((sum, part) => sum + part.up, 0), down: parts.reduce((sum, part) => sum + part.down, 0) };
}

/** To a model, each of which was one write. */
export function requestsOf({ ollama, api }: TaskBytes): number {
  return ollama.up.writes + api.up.writes;
}
