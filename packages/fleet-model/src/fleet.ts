/**
 * A fleet as data: sites with their line to the world, hosts in them, agents on these, and the API account that all share. What a
 * person writes in a fleet file, checked and brought into the units of the rules; docs/fleet-files.md explains each field.
 */
import { CLAUDE_MODELS, CLAUDE_TIERS, type ClaudeModel, type ClaudeTier } from "./claude-tiers.ts";
import { type FieldReader, type FieldsRead, readFields } from "./field-reader.ts";
import { GPU_TYPES, type GpuType } from "./gpu-types.ts";
import { LLM_MODELS, type LlmModel } from "./llm-models.ts";
import { NETWORK_PATHS, type NetworkPath } from "./network-path.ts";
import { type OllamaSettings, ollamaSettings } from "./ollama-settings.ts";

export interface Fleet {
  name: string;
  api: FleetApi;
  sites: readonly FleetSite[];
  /** Undefined: nobody asked what it costs. */
  prices: FleetPrices | undefined;
}

/** One organisation's account at the Claude API. */
export interface FleetApi {
  tierName: string;
  tier: ClaudeTier;
  model: ClaudeModel;
}

export interface FleetSite {
  name: string;
  /** `local`: the hub is in this site's network; `remote`: it lies behind the uplink, reached over `meshPath`. */
  hub: "local" | "remote";
  /** Between this site and the hub or an endpoint in another site. The API is always reached without the mesh. */
  meshPath: NetworkPath;
  uplink: FleetUplink;
  hosts: readonly FleetHost[];
}

export interface FleetUplink {
  upBitsPerSec: number;
  downBitsPerSec: number;
  /** One way. */
  delayMs: number;
  /** What may leave at once after a pause. */
  burstBytes: number;
}

export interface FleetHost {
  name: string;
  cores: number;
  ramBytes: number;
  agents: number;
  /** Undefined: no GPU, and so no Ollama endpoint. */
  gpu: FleetGpu | undefined;
}

export interface FleetGpu {
  type: GpuType;
  /** The model that its agents use. */
  model: LlmModel;
  /** Everything else that Ollama is started with. */
  settings: OllamaSettings;
}

/** In `currency`, as of `dated`; what is undefined has no price here. */
export interface FleetPrices {
  currency: string;
  /** YYYY-MM-DD */
  dated: string;
  /** A machine without its GPU. */
  machine: number | undefined;
  /** By the id of the GPU type. */
  gpus: Readonly<Record<string, number>>;
  hubNodePerMonth: number | undefined;
  uplinkMbitPerMonth: number | undefined;
}

const GB = 1e9;
const MBIT = 1e6;

/** Hosts of one entry, so that a slip of the key does not make a fleet that no machine can hold. */
const MOST_ALIKE = 10_000;

/** Reads a fleet from parsed YAML or JSON. */
export function readFleet(value: unknown): FieldsRead<Fleet> {
  return readFields(value, (fields) => {
    const fleet: Fleet = {
      name: fields.text("name"),
      api: fields.map("api", readApi),
      sites: fields.list("sites", readSite),
      prices: fields.optionalMap("prices", readPrices),
    };
    nameDoubles(fields, fleet);
    return fleet;
  });
}

/** Agents of the whole fleet. */
export function fleetAgents(fleet: Fleet): number {
  return fleet.sites.flatMap(({ hosts }) => hosts).reduce((sum, { agents }) => sum + agents, 0);
}

function readApi(fields: FieldReader): FleetApi {
  const tierName = fields.oneOf("tier", Object.keys(CLAUDE_TIERS), "tier-2");
  const tier = CLAUDE_TIERS[tierName] as ClaudeTier;
  return { tierName, tier, model: fields.named("model", CLAUDE_MODELS, ({ id }) => id, CLAUDE_MODELS[0]) };
}

/** As a person calls them: `none` is a plain line, the others go through WireGuard. */
const MESHES = { none: "plain", direct: "mesh-v4", "direct-v6": "mesh-v6", relayed: "mesh-relayed" } as const;

function readSite(fields: FieldReader): FleetSite {
  const name = fields.text("name", { like: NAME, allowed: NAME_HELP });
  const hub = fields.oneOf("hub", ["local", "remote"], "remote");
  const mesh = fields.oneOf("mesh", Object.keys(MESHES) as (keyof typeof MESHES)[], "direct");
  const uplink = fields.map("uplink", readUplink);
  return { name, hub, meshPath: NETWORK_PATHS[MESHES[mesh] ?? "plain"], uplink, hosts: fields.list("hosts", readHosts).flat() };
}

function readUplink(fields: FieldReader): FleetUplink {
  const rate = { low: 0.01, high: 400_000 };
  const up = fields.number("up_mbit_s", rate);
  return {
    upBitsPerSec: up * MBIT,
    downBitsPerSec: fields.number("down_mbit_s", rate, up) * MBIT,
    // US access lines: 8 to 16 ms there and back (Ookla Q4 2023); the middle, one way.
    delayMs: fields.number("delay_ms", { low: 0, high: 60_000 }, 6),
    burstBytes: fields.number("burst_kb", { low: 2, high: 1e6 }, 32) * 1_000,
  };
}

/** One entry may stand for several hosts that are alike: `box` with `count: 3` makes box-1, box-2 and box-3. */
function readHosts(fields: FieldReader): FleetHost[] {
  const name = fields.text("name", { like: NAME, allowed: NAME_HELP });
  const count = fields.number("count", { low: 1, high: MOST_ALIKE, whole: true }, 1);
  const host = {
    cores: fields.number("cores", { low: 0.1, high: 4_096 }),
    ramBytes: fields.number("ram_gb", { low: 0.1, high: 100_000 }) * GB,
    agents: fields.number("agents", { low: 0, high: 100_000, whole: true }),
    gpu: readGpu(fields),
  };
  if (!(count > 1)) return [{ name, ...host }];
  return Array.from({ length: count }, (_, index) => ({ name: `${name}-${index + 1}`, ...host }));
}

/** These only mean something on a host with a GPU. */
const GPU_FIELDS = ["gpus", "num_parallel", "model", "context_tokens"] as const;

function readGpu(fields: FieldReader): FleetGpu | undefined {
  if (!fields.has("gpu")) {
    for (const name of GPU_FIELDS) if (fields.has(name)) fields.say(name, "means nothing without a gpu");
    return undefined;
  }
  const type = fields.named("gpu", GPU_TYPES, ({ id }) => id);
  const gpuCount = fields.number("gpus", { low: 1, high: 16, whole: true }, 1);
  const numParallel = fields.number("num_parallel", { low: 1, high: 256, whole: true }, 1);
  const model = fields.named("model", LLM_MODELS, ({ name }) => name, LLM_MODELS[0]);
  // Coding agents want far more than Ollama's 4,096 for small cards; a model's own limit cuts it.
  const contextTokens = fields.number("context_tokens", { low: 256, high: 1_000_000, whole: true }, 16_384);
  return { type, model, settings: ollamaSettings({ gpu: type, gpuCount, numParallel, contextTokens }) };
}

function readPrices(fields: FieldReader): FleetPrices {
  const price = { low: 0, high: 1e9 };
  const optional = (name: string) => (fields.has(name) ? fields.number(name, price) : undefined);
  const ids = GPU_TYPES.map(({ id }) => id);
  return {
    currency: fields.text("currency"),
    dated: fields.text("dated", { like: /^\d{4}-\d\d-\d\d$/, allowed: "must be a date in quotes, '2026-11-24'" }),
    machine: optional("machine"),
    gpus:
      fields.optionalMap("gpus", (gpus) =>
        Object.fromEntries(ids.filter((id) => gpus.has(id)).map((id) => [id, gpus.number(id, price)])),
      ) ?? {},
    hubNodePerMonth: optional("hub_node_month"),
    uplinkMbitPerMonth: optional("uplink_mbit_month"),
  };
}

/** Reports are by name, so two things must not share one. */
function nameDoubles(fields: FieldReader, { sites }: Fleet): void {
  const seen = new Set<string>();
  for (const name of [...sites.map((site) => site.name), ...sites.flatMap(({ hosts }) => hosts.map((host) => host.name))]) {
    if (name !== undefined && seen.has(name)) fields.say("sites", `'${name}' is the name of two sites or hosts`);
    seen.add(name);
  }
}

const NAME = /^[\w.-]{1,60}$/;
const NAME_HELP = "must be 1 to 60 letters, digits, '.', '_' or '-'";
