import { describe, expect, it } from "vitest";
import { decideFleet } from "./decide-fleet.ts";
import { DEFAULT_PRICES } from "./default-prices.ts";
import { DEFAULT_PROFILE } from "./default-profile.ts";
import type { FleetInput } from "./fleet-decision.ts";
import type { Estimate, HubMeasure } from "./hub-evidence.ts";

const estimate = (value: number, unit = "", spread = 0.1): Estimate => ({
  value,
  low: value * (1 - spread),
  high: value * (1 + spread),
  n: 6,
  unit,
});

function hub(id: string, tasksPerSec: number, more: Partial<HubMeasure> = {}): HubMeasure {
  return {
    id,
    kind: id.startsWith("single") ? "single" : "sharded",
    nodes: 1,
    backboneServers: 0,
    coresPerMachine: 0.5,
    capacityTasksPerSec: estimate(tasksPerSec, "tasks/s"),
    cpuMsPerTask: { hub: estimate(400 / tasksPerSec, "ms") },
    assignMsP50: null,
    fsyncsPerTask: null,
    syncsInTurn: false,
    fsyncMs: 0.25,
    rowsReadPerTask: null,
    completedRows: 1_000,
    framesPerSec: null,
    connections: null,
    availability: null,
    ...more,
  };
}

const REFERENCE = hub("single-reference", 4, {
  fsyncsPerTask: estimate(11),
  syncsInTurn: true,
  rowsReadPerTask: estimate(4_000),
});

const INPUT: FleetInput = {
  fleet: {
    name: "office",
    sites: [{ name: "office", hub: "local", meshPath: "mesh-v4", upMbitPerSec: 40, delayMs: 6 }],
    hosts: [
      {
        name: "box",
        site: "office",
        count: 2,
        cores: 16,
        ramGb: 64,
        agents: 3,
        gpu: { type: "rtx4090", cards: 1, numParallel: 4, model: "qwen2.5-coder:7b", contextTokens: 16_384 },
      },
      { name: "plain", site: "office", count: 2, cores: 8, ramGb: 32, agents: 4, gpu: null },
    ],
    api: { tier: "tier-4", model: "claude-sonnet-5" },
  },
  work: DEFAULT_PROFILE,
  hub: {
    source: "recorded",
    from: "a test",
    hubs: [REFERENCE, hub("single-tuned", 900), hub("sharded-redis@2", 1_200, { nodes: 2, backboneServers: 1 })],
    fixes: [],
  },
  hubId: "single-reference",
  hubCores: 1,
  fsyncMs: null,
  completedRows: 1_000,
  slo: { tasksPerHour: null, maxSlowdown: 2, growthPerMonth: 0.1 },
  prices: DEFAULT_PRICES,
  uncertainty: { draws: 0, seed: 1 },
};

const only = (tier: "trivial" | "standard" | "complex"): FleetInput["work"] => ({
  ...DEFAULT_PROFILE,
  shares: { trivial: 0, standard: 0, complex: 0, [tier]: 1 },
});

const changed = <T>(items: readonly T[], change: Partial<T>): T[] => items.map((item) => Object.assign({}, item, change));
const withAgents = (agents: number, more: Partial<FleetInput> = {}): FleetInput => ({
  ...INPUT,
  ...more,
  fleet: { ...INPUT.fleet, hosts: changed(INPUT.fleet.hosts, { agents }) },
});

describe("decideFleet", () => {
  it("leaves a hub alone that is far from full, and says what comes first", () => {
    const decision = decideFleet({ ...INPUT, hubId: "single-tuned" });
    expect(decision.verdict.action).toBe("nothing");
    expect(decision.bindsNow.name).toBe("agents");
    expect(decision.bindsNext).not.toBeNull();
    expect(decision.evidence).toMatch(/a recorded measurement, not of this machine/);
    expect(decision.availability[0]?.sentence).toMatch(/was not measured/);
  });

  it("never solves more than the unhindered fleet does, nor fewer with one machine more", () => {
    const decision = decideFleet(INPUT);
    expect(decision.now.slowdown.value).toBeGreaterThanOrEqual(1);
    const gains = (isMachine: boolean) =>
      decision.marginal
        .filter(({ id }) => id.startsWith("machine") === isMachine)
        .map(({ tasksPerHour }) => tasksPerHour.value);
    expect(Math.min(...gains(true))).toBeGreaterThan(0);
    expect(Math.min(...gains(false))).toBeGreaterThan(-1e-3);
  });

  it("says fix when the reference hub is what binds, and distribute when the best single hub is", () => {
    const fleet = {
      ...INPUT.fleet,
      sites: changed(INPUT.fleet.sites, { upMbitPerSec: 1e6 }),
      hosts: changed(INPUT.fleet.hosts, { count: 800, agents: 20, cores: 64, gpu: null }),
    };
    const crowded = { ...INPUT, fleet, work: only("trivial") };
    expect(decideFleet(crowded).bindsNow.name).toBe("hub");
    expect(decideFleet(crowded).verdict.action).toBe("fix");
    const tuned = decideFleet({ ...crowded, hubId: "single-tuned" });
    expect(tuned.verdict.action).toBe("distribute");
  });

  it("finds the API full when all tasks are complex, and the next tier moves them", () => {
    const low = { ...withAgents(12, { work: only("complex") }) };
    const input = { ...low, fleet: { ...low.fleet, api: { tier: "tier-2", model: "claude-sonnet-5" } } };
    const decision = decideFleet(input);
    expect(decision.bindsNow.name).toMatch(/^API /);
    const tier = decision.marginal.find(({ id }) => id === "api-tier");
    expect(tier?.tasksPerHour.value).toBeGreaterThan(10);
  });

  it("makes the reference's synchronous writes a nearer wall on a slower disk", () => {
    const wallAt = (fsyncMs: number) =>
      decideFleet({ ...INPUT, fsyncMs }).walls.find(({ id }) => id === "synchronous-writes")?.busyAgents?.value ?? 0;
    expect(wallAt(5)).toBeCloseTo(wallAt(0.25) / 20, 0);
  });

  it("finds a narrow line", () => {
    const fleet = withAgents(8, { work: only("complex") }).fleet;
    const narrow = { ...fleet, sites: changed(fleet.sites, { upMbitPerSec: 1 }) };
    expect(decideFleet({ ...INPUT, work: only("complex"), fleet: narrow }).bindsNow.name).toBe("uplink office");
  });

  it("draws intervals that hold the value, the same for the same seed", () => {
    const input = { ...INPUT, uncertainty: { draws: 40, seed: 7 } };
    const first = decideFleet(input);
    const { value, low, high, n } = first.now.tasksPerHour;
    expect(n).toBe(40);
    expect(low).toBeLessThan(value);
    expect(high).toBeGreaterThan(value);
    expect(decideFleet(input)).toEqual(first);
  });

  it("counts time to the 2 GB file and to scans that fill the hub, in days", () => {
    const walls = decideFleet(INPUT).walls;
    expect(walls.find(({ id }) => id === "dets-2-gb")?.days).toBeGreaterThan(0);
    expect(walls.find(({ id }) => id === "table-scans")?.days).toBeGreaterThan(0);
    expect(decideFleet(INPUT).verdict.sentence).toMatch(/^Fix the single hub, though it binds nothing today: .*table scans in/);
  });

  it("refuses names that nothing stands for", () => {
    expect(() => decideFleet({ ...INPUT, hubId: "single-dreamt" })).toThrow(/no measurement of the hub 'single-dreamt'/);
  });
});
