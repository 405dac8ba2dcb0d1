/** Fleets drawn at random, to hold the closed form against the simulation where nobody chose the cases. */
import { DEFAULT_PRICES } from "../decision/default-prices.ts";
import type { FleetInput } from "../decision/fleet-decision.ts";
import type { FleetShape, GpuShape, HostKind } from "../decision/fleet-shape.ts";
import type { HubMeasure } from "../decision/hub-evidence.ts";
import { profileOf } from "../decision/profile-of-mix.ts";
import type { Distribution, Random } from "../random.ts";
import type { WorkMix } from "../work-mix.ts";

export interface RandomFleet {
  fleet: FleetShape;
  mix: WorkMix;
  /** Of the hub, per task. */
  hubTaskMs: number;
}

const GPUS = ["rtx3060", "rtx3090", "rtx4090", "a100-80", "gb10"] as const;
const MODELS = ["llama3.1:8b", "qwen2.5-coder:7b", "qwen3-coder:30b", "deepseek-r1:14b"] as const;

export function randomFleet(random: Random): RandomFleet {
  const between = (low: number, high: number) => Math.floor(low + random() * (high - low + 1));
  const oneOf = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)] as T;
  const spread = (low: number, high: number) => low * (high / low) ** random();
  const sites = Array.from({ length: between(1, 2) }, (_, index) => ({
    name: `site-${index + 1}`,
    hub: random() < 0.5 ? ("local" as const) : ("remote" as const),
    meshPath: "mesh-v4" as const,
    upMbitPerSec: spread(5, 500),
    delayMs: between(2, 20),
  }));
  const gpu = (): GpuShape => ({
    type: oneOf(GPUS),
    cards: 1,
    numParallel: oneOf([1, 1, 2, 4, 8]),
    model: oneOf(MODELS),
    contextTokens: oneOf([8_192, 16_384]),
  });
  const hosts = Array.from({ length: between(1, 3) }, (_, index): HostKind => {
    const hasGpu = index === 0 || random() < 0.5;
    return {
      name: `kind-${index + 1}`,
      site: oneOf(sites).name,
      count: between(1, 4),
      cores: oneOf([4, 8, 16, 32]),
      ramGb: 64,
      agents: between(1, 10),
      gpu: hasGpu ? gpu() : null,
    };
  });
  return {
    fleet: {
      name: "random",
      sites,
      hosts,
      api: { tier: oneOf(["tier-2", "tier-3", "tier-4", "scale"]), model: "claude-sonnet-5" },
    },
    mix: randomMix({ between, oneOf, spread, random }),
    hubTaskMs: spread(0.5, 300),
  };
}

/** With a hub that bears exactly what was drawn. */
export function inputOfRandomFleet({ fleet, mix, hubTaskMs }: RandomFleet): FleetInput {
  const perSec = 1_000 / hubTaskMs;
  const hub: HubMeasure = {
    id: "drawn",
    kind: "single",
    nodes: 1,
    backboneServers: 0,
    coresPerMachine: 1,
    capacityTasksPerSec: { value: perSec, low: perSec, high: perSec, n: 0, unit: "tasks/s" },
    cpuMsPerTask: {},
    assignMsP50: null,
    fsyncsPerTask: null,
    syncsInTurn: false,
    fsyncMs: null,
    rowsReadPerTask: null,
    completedRows: 0,
    framesPerSec: null,
    connections: null,
    availability: null,
  };
  return {
    fleet,
    work: profileOf(mix, 0),
    hub: { source: "recorded", from: "drawn at random", hubs: [hub], fixes: [] },
    hubId: hub.id,
    hubCores: 1,
    fsyncMs: null,
    completedRows: 0,
    slo: { tasksPerHour: null, maxSlowdown: 2, growthPerMonth: 0 },
    prices: DEFAULT_PRICES,
    uncertainty: { draws: 0, seed: 1 },
  };
}

interface Draws {
  between: (low: number, high: number) => number;
  oneOf: <T>(items: readonly T[]) => T;
  spread: (low: number, high: number) => number;
  random: Random;
}

function randomMix({ between, oneOf, spread, random }: Draws): WorkMix {
  const size = (mean: number): Distribution => {
    const kind = oneOf(["exponential", "exponential", "lognormal", "constant"] as const);
    if (kind === "exponential") return { kind, mean };
    if (kind === "constant") return { kind, value: mean };
    // Sigma 0.8: a squared coefficient of variation of 0.9, near the exponential's.
    return { kind, median: mean / Math.exp(0.32), sigma: 0.8 };
  };
  const common = { failShare: 0, ramBytes: 1e9 };
  const tool = () => ({ toolMs: size(spread(2_000, 30_000)), toolCpuShare: random() });
  const share = () => (random() < 0.25 ? 0 : random());
  return {
    trivial: { ...common, share: share(), cpuMs: size(spread(500, 8_000)), maxCores: 1, waitMs: size(spread(500, 4_000)) },
    standard: {
      ...common,
      ...tool(),
      share: 0.1 + random(),
      rounds: { kind: "constant", value: between(1, 8) },
      promptTokens: size(spread(300, 4_000)),
      appendedTokens: size(spread(100, 900)),
      outputTokens: size(spread(80, 700)),
    },
    complex: {
      ...common,
      ...tool(),
      share: share(),
      steps: { kind: "constant", value: between(1, 12) },
      // The same for all: one is drawn for nine tasks, so a run of bearable length would see too few of them.
      contextTokens: { kind: "constant", value: spread(10_000, 150_000) },
      tasksPerSession: 9,
      appendedTokens: size(spread(200, 1_500)),
      outputTokens: size(spread(100, 800)),
      maxTokens: 4_096,
    },
  };
}
