/** Starts the hub of an id, checks that it keeps what it must keep, and hands over its one handle. */
import { join } from "node:path";
import { ProcessSampler } from "../machine/index.ts";
import { durabilityRefusal, type ProvisionedServer, satisfies } from "../provisioning/index.ts";
import { type BackboneServers, backboneServers } from "./backbone-servers.ts";
import { describeHub } from "./hub-description.ts";
import { formatHubId, type HubSpec } from "./hub-id.ts";
import { type HubProgram, READY_WITHIN_MS, startPrograms } from "./hub-program.ts";
import { placeHub } from "./placed-hub.ts";
import type { HubEnvironment, RunningHub, StartedHub } from "./running-hub.ts";

/**
 * A refusal when the hub cannot be had here or keeps less than required. Rejects when it fails to start. Either way nothing of
 * it is left.
 */
export async function startHub(spec: HubSpec, env: HubEnvironment): Promise<StartedHub> {
  if (env.fsyncFloorMs && spec.kind !== "single") return floorRefusal(spec);
  switch (spec.kind) {
    case "single":
      return verified(await startSingle(spec, env), env);
    case "sharded":
      return startSharded(spec, env);
    case "null":
      return { ok: true, hub: await startNull(spec, env) };
    case "external":
      return connectExternal(spec, env);
  }
}

/** The single hub syncs every acknowledged change whatever is required; LevelDB has no half measure. */
function startSingle(spec: HubSpec & { kind: "single" }, env: HubEnvironment): Promise<RunningHub> {
  const fixes = spec.fixes.length > 0 ? ["--fix", spec.fixes.join(",")] : [];
  const floor = env.fsyncFloorMs ? ["--fsync-floor-ms", String(env.fsyncFloorMs)] : [];
  return runNodes(spec, env, (folder) => [
    {
      name: "hub",
      program: "hub-single",
      args: [
        "--profile",
        spec.profile,
        ...fixes,
        "--data",
        env.keptFolder ?? join(folder, "data"),
        ...floor,
        ...commonFlags(env, 0),
      ],
    },
  ]);
}

function floorRefusal(spec: HubSpec): StartedHub {
  const message = `${formatHubId(spec)} cannot be given a slower disk: --fsync-floor-ms makes the syncs of the single hub wait, and the servers of the others sync by themselves`;
  return { ok: false, refusal: { code: "fsync_floor", message, nextStep: "leave the flag away, or compare single hubs only" } };
}

async function startSharded(spec: HubSpec & { kind: "sharded" }, env: HubEnvironment): Promise<StartedHub> {
  const provisioned = await backboneServers(spec, env);
  if (!provisioned.ok) return provisioned;
  const { backbone } = provisioned;
  try {
    const programs = () =>
      Array.from({ length: spec.nodes }, (_, i) => ({
        name: `hub node ${i + 1}`,
        program: "hub-sharded" as const,
        args: ["--node", `n${i + 1}`, ...backbone.flags, "--durability", env.durability, ...commonFlags(env, i)],
      }));
    return await verified(await runNodes(spec, env, programs, backbone), env);
  } catch (error) {
    await backbone.stop();
    throw error;
  }
}

function startNull(spec: HubSpec, env: HubEnvironment): Promise<RunningHub> {
  return runNodes(spec, env, () => [{ name: "null hub", program: "null-hub", args: ["--port", String(env.port ?? 0)] }]);
}

function connectExternal(spec: HubSpec, env: HubEnvironment): StartedHub {
  if (!env.target) {
    const message = "the hub id `external` needs the address of a hub";
    return { ok: false, refusal: { code: "no_target", message, nextStep: "give --target ws://… and --http http://…" } };
  }
  const { ws, http, pids = [] } = env.target;
  const roles = new Map<string, readonly number[]>(pids.length > 0 ? [["hub", pids]] : []);
  const unknown = ["its version and configuration", "its durability, where it does not say (GET /api/describe)"];
  if (pids.length === 0) {
    unknown.push(
      "its CPU, memory and disk, so also whether it is quiet after a load (debt): give --pid for a hub on this machine",
    );
  }
  unknown.push("what else its machine does, and the network between; no CPU quota is applied to it");
  const hub: RunningHub = {
    id: formatHubId(spec),
    spec,
    ws: [ws],
    http: [http],
    roles,
    readUsage: usageHere(roles),
    nodes: [],
    servers: [],
    describe: () => describeHub({ id: "external", http: [http], servers: [], required: env.durability, unknown }),
    stop: () => Promise.resolve(),
  };
  return { ok: true, hub };
}

/** Only the first node seeds: the rows are the hub's, not the node's. */
function commonFlags({ port, rateLimits, seedCompletedRows, edgeFlags = [] }: HubEnvironment, index: number): string[] {
  const flags = ["--port", String(port === undefined || port === 0 ? 0 : port + index), "--rate-limits", rateLimits ?? "off"];
  // A hub here is stopped as a whole, so there is no node to send anybody to.
  flags.push("--drain-ms", "0", ...edgeFlags);
  return index === 0 && seedCompletedRows ? [...flags, "--seed-completed-rows", String(seedCompletedRows)] : flags;
}

type Programs = (folder: string) => HubProgram[];

async function runNodes(
  spec: HubSpec,
  env: HubEnvironment,
  programs: Programs,
  backbone?: BackboneServers,
): Promise<RunningHub> {
  const { care, placement } = env;
  if (placement) return placeHub(placement, { spec, env, programs, backbone });
  const folder = care.temporaryFolder("hub", env.dir);
  const options = { care, log: env.log ?? folder, readyWithinMs: env.readyWithinMs ?? READY_WITHIN_MS, launcher: env.launcher };
  const started = await startPrograms(programs(folder), options).catch((error: unknown) => {
    care.removeFolder(folder);
    throw error;
  });
  const nodes = started.map(({ process }) => process);
  const id = formatHubId(spec);
  const servers = backbone?.servers ?? [];
  const http = started.flatMap(({ ready }) => ready.http);
  const roles = rolesOf(
    started.map(({ ready }) => ready.pids),
    servers,
  );
  return {
    id,
    spec,
    ws: started.flatMap(({ ready }) => ready.ws),
    http,
    roles,
    readUsage: usageHere(roles),
    nodes,
    servers,
    describe: () => describeHub({ id, http, servers, required: env.durability }),
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()));
      await backbone?.stop();
      care.removeFolder(folder);
    },
  };
}

function usageHere(roles: RunningHub["roles"]): RunningHub["readUsage"] {
  const sampler = new ProcessSampler(() => roles);
  return async () => sampler.mark();
}

function rolesOf(
  pidsOfNodes: readonly Record<string, number[]>[],
  servers: readonly ProvisionedServer[],
): Map<string, number[]> {
  const roles = new Map<string, number[]>();
  const add = (role: string, pids: readonly number[]) => roles.set(role, [...(roles.get(role) ?? []), ...pids]);
  for (const pids of pidsOfNodes) for (const [role, list] of Object.entries(pids)) add(role, list);
  for (const { kind, pid } of servers) if (pid !== null) add(kind, [pid]);
  return roles;
}

async function verified(hub: RunningHub, { durability }: HubEnvironment): Promise<StartedHub> {
  const description = await hub.describe();
  if (satisfies(description.durability.verified, durability)) return { ok: true, hub };
  await hub.stop();
  const how = [description.durability.how, ...description.unknown].join("; ");
  return { ok: false, refusal: durabilityRefusal(hub.id, { ...description.durability, how }, durability) };
}
