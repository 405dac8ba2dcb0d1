/** Random fleets that one small machine can bring to life in real time, and their shape as a fleet file would have given it. */
import {
  agentsOf,
  CLAUDE_TIERS,
  type ClaudeTier,
  claudeModel,
  COMMON_PROMPT_TOKENS,
  drawTaskPlan,
  type Fleet,
  type FleetInput,
  type FleetShape,
  fleetNetwork,
  gpuType,
  inputOfRandomFleet,
  llmModel,
  meanOf,
  NETWORK_PATHS,
  ollamaSettings,
  randomFleet,
  seededRandom,
  solveFleet,
  type WorkMix,
} from "@hubscale/fleet-model";

export interface StubFleet {
  /** In the sequence of random fleets. */
  number: number;
  input: FleetInput;
  mix: WorkMix;
  agents: number;
  /** In closed form. */
  taskSeconds: number;
  /** Waits of a task that a program which wakes up late makes longer, each once, mean. */
  waitsPerTask: number;
}

const MOST_TRIED = 10_000;
const LEAST_AGENTS = 4;
const MOST_AGENTS = 24;
const LONGEST_TASK_SECONDS = 60;

/** One site, few agents, tasks of less than a minute, and prompts that the stubs' clients can make so short. */
export function fleetsForStubs(count: number, seed: number): StubFleet[] {
  const found: StubFleet[] = [];
  for (let number = 0; found.length < count && number < MOST_TRIED; number++) {
    const random = randomFleet(seededRandom(seed, number));
    const agents = agentsOf(random.fleet);
    if (random.fleet.sites.length > 1 || agents < LEAST_AGENTS || agents > MOST_AGENTS) continue;
    const { complex } = random.mix;
    if (complex && complex.share > 0 && meanOf(complex.contextTokens) < COMMON_PROMPT_TOKENS) continue;
    const input = inputOfRandomFleet({ ...random, hubTaskMs: HARDLY_ANY_MS });
    const taskSeconds = agents / solveFleet(fleetNetwork(input)).tasksPerMs / 1_000;
    if (taskSeconds > LONGEST_TASK_SECONDS) continue;
    found.push({ number, input, mix: random.mix, agents, taskSeconds, waitsPerTask: waitsPerTask(random.mix, seed) });
  }
  return found;
}

/** There is no hub between these agents and their tasks. */
const HARDLY_ANY_MS = 1e-3;

/**
 * One for work on the cores or a pause; an answer of a model comes through a request, a timer and a stream, one of the API through
 * the site's line as well, twice.
 */
const WAITS_OF = { cpu: 1, wait: 1, ollama: 3, claude: 6 } as const;
const PLANS_LOOKED_AT = 200;

function waitsPerTask(mix: WorkMix, seed: number): number {
  let waits = 0;
  for (let number = 0; number < PLANS_LOOKED_AT; number++) {
    for (const { kind } of drawTaskPlan(mix, { seed, number }).phases) waits += WAITS_OF[kind];
  }
  return waits / PLANS_LOOKED_AT;
}

export function fleetOf({ name, sites, hosts, api }: FleetShape): Fleet {
  const model = claudeModel(api.model);
  if (!model) throw new Error(`no model '${api.model}'`);
  const hostOf = (kind: FleetShape["hosts"][number], index: number): Fleet["sites"][number]["hosts"][number] => {
    const type = kind.gpu && gpuType(kind.gpu.type);
    const llm = kind.gpu && llmModel(kind.gpu.model);
    const gpu =
      kind.gpu && type && llm
        ? {
            type,
            model: llm,
            settings: ollamaSettings({
              gpu: type,
              gpuCount: kind.gpu.cards,
              numParallel: kind.gpu.numParallel,
              contextTokens: kind.gpu.contextTokens,
              keepAliveMs: Number.POSITIVE_INFINITY,
            }),
          }
        : undefined;
    return { name: `${kind.name}-${index + 1}`, cores: kind.cores, ramBytes: kind.ramGb * 1e9, agents: kind.agents, gpu };
  };
  return {
    name,
    api: { tierName: api.tier, tier: CLAUDE_TIERS[api.tier] as ClaudeTier, model },
    sites: sites.map((site) => ({
      name: site.name,
      hub: "local",
      meshPath: NETWORK_PATHS[site.meshPath],
      uplink: {
        upBitsPerSec: site.upMbitPerSec * 1e6,
        downBitsPerSec: site.upMbitPerSec * 1e6,
        delayMs: site.delayMs,
        burstBytes: 32_000,
      },
      hosts: hosts
        .filter((kind) => kind.site === site.name)
        .flatMap((kind) => Array.from({ length: kind.count }, (_, index) => hostOf(kind, index))),
    })),
    prices: undefined,
  };
}
