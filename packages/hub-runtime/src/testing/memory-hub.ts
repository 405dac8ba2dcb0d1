import { type HubEdge, startHubEdge } from "../hub-edge.ts";
import type { HubEdgeOptions } from "../hub-edge-options.ts";
import { systemClock, systemRandomHex } from "../system-clock.ts";
import { MemoryStores, memoryBackplane } from "./memory-backplane.ts";
import { MemoryDesk } from "./memory-desk.ts";

export interface MemoryHubOptions extends Partial<Omit<HubEdgeOptions, "makeTasks" | "backplane">> {
  /** To be shared by the nodes of one hub. Tasks are each node's own. */
  stores?: MemoryStores;
}

/** A whole hub in memory, over real sockets: for tests of the edge and of clients. Log lines are dropped unless asked for. */
export function startMemoryHub({ stores = new MemoryStores(), ...options }: MemoryHubOptions = {}): Promise<HubEdge> {
  const { node = "memory-1", clock = systemClock, randomHex = systemRandomHex } = options;
  return startHubEdge({
    host: "127.0.0.1",
    port: 0,
    behaviour: { warts: false, presence: "digest" },
    rateLimits: "off",
    log: () => undefined,
    ...options,
    node,
    clock,
    randomHex,
    makeTasks: (roster, view) => new MemoryDesk({ roster, view, clock, randomHex }),
    backplane: memoryBackplane(node, stores),
  });
}
