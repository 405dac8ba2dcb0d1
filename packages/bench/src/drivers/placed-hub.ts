/** A hub whose programs run on other machines. */
import type { ProcessUsage, UsageMark } from "../machine/index.ts";
import type { BackboneServers } from "./backbone-servers.ts";
import { describeHub } from "./hub-description.ts";
import { formatHubId, type HubSpec } from "./hub-id.ts";
import { FOLDER_THERE, type HubPlacement, type ProcessReading } from "./hub-placement.ts";
import { type HubProgram, READY_WITHIN_MS } from "./hub-program.ts";
import type { HubEnvironment, RunningHub } from "./running-hub.ts";

/** Rejects when one of its programs does not start; the others are ended then. */
export async function placeHub(
  placement: HubPlacement,
  { spec, env, programs, backbone }: PlacedHubOptions,
): Promise<RunningHub> {
  const started = await placement.startPrograms(programs(FOLDER_THERE), env.readyWithinMs ?? READY_WITHIN_MS);
  const id = formatHubId(spec);
  const servers = backbone?.servers ?? [];
  const http = started.flatMap(({ ready }) => ready.http);
  return {
    id,
    spec,
    ws: started.flatMap(({ ready }) => ready.ws),
    http,
    roles: new Map(),
    readUsage: async () => {
      const parts = backbone ? [...started, backbone] : started;
      return markOf((await Promise.all(parts.map((part) => part.readUsage()))).flat());
    },
    nodes: [],
    servers,
    describe: () => describeHub({ id, http, servers, required: env.durability }),
    stop: async () => {
      await Promise.all(started.map((program) => program.stop()));
      await backbone?.stop();
    },
  };
}

export interface PlacedHubOptions {
  spec: HubSpec;
  env: HubEnvironment;
  programs: (folder: string) => HubProgram[];
  backbone?: BackboneServers | undefined;
}

function markOf(readings: readonly ProcessReading[]): UsageMark {
  const byRole = new Map<string, Map<ProcessReading["key"], ProcessUsage>>();
  for (const { role, key, usage } of readings) byRole.set(role, (byRole.get(role) ?? new Map()).set(key, usage));
  return { atMs: performance.now(), byRole };
}
