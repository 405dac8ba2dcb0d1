/** A fleet as a file describes it, in the shape that a what-if changes: hosts that are alike become one kind. */
import type { Fleet, FleetHost } from "../fleet.ts";
import type { FleetShape, HostKind } from "./fleet-shape.ts";

export function shapeOf(fleet: Fleet): FleetShape {
  const kinds = new Map<string, HostKind>();
  for (const site of fleet.sites) {
    for (const host of site.hosts) {
      const kind = kindOf(host, site.name);
      const key = JSON.stringify({ ...kind, name: host.name.replace(/-\d+$/, "") });
      const known = kinds.get(key);
      if (known) known.count++;
      else kinds.set(key, kind);
    }
  }
  return {
    name: fleet.name,
    sites: fleet.sites.map(({ name, hub, meshPath, uplink }) => ({
      name,
      hub,
      meshPath: meshPath.id,
      upMbitPerSec: uplink.upBitsPerSec / 1e6,
      delayMs: uplink.delayMs,
    })),
    hosts: [...kinds.values()].map(named),
    api: { tier: fleet.api.tierName, model: fleet.api.model.id },
  };
}

/** Several hosts of one kind lose the number of the first. */
function named(kind: HostKind): HostKind {
  return kind.count > 1 ? { ...kind, name: kind.name.replace(/-\d+$/, "") } : kind;
}

function kindOf({ name, cores, ramBytes, agents, gpu }: FleetHost, site: string): HostKind {
  return {
    name,
    site,
    count: 1,
    cores,
    ramGb: ramBytes / 1e9,
    agents,
    gpu: gpu
      ? {
          type: gpu.type.id,
          cards: gpu.settings.gpuCount,
          numParallel: gpu.settings.numParallel,
          model: gpu.model.name,
          contextTokens: gpu.settings.contextTokens,
        }
      : null,
  };
}
