import { DEFAULT_PRICES, DEFAULT_PROFILE, decideFleet, type FleetInput } from "@hubscale/fleet-model";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AS_IS, controlsOf, fromLink, toLink, withChanges } from "./what-if-controls.ts";

const figure = (value: number) => ({ value, low: value, high: value, n: 5, unit: "" });

const GIVEN: FleetInput = {
  fleet: {
    name: "two machines",
    sites: [{ name: "office", hub: "local", meshPath: "mesh-v4", upMbitPerSec: 33, delayMs: 5 }],
    hosts: [
      {
        name: "box",
        site: "office",
        count: 1,
        cores: 8,
        ramGb: 32,
        agents: 2,
        gpu: { type: "rtx3090", cards: 1, numParallel: 1, model: "qwen2.5-coder:7b", contextTokens: 8_192 },
      },
      { name: "plain", site: "office", count: 1, cores: 8, ramGb: 32, agents: 2, gpu: null },
    ],
    api: { tier: "tier-2", model: "claude-sonnet-5" },
  },
  work: DEFAULT_PROFILE,
  hub: {
    source: "recorded",
    from: "a test",
    fixes: [],
    hubs: ["single-reference", "single-tuned"].map((id, i) => ({
      id,
      kind: "single" as const,
      nodes: 1,
      backboneServers: 0,
      coresPerMachine: 0.5,
      capacityTasksPerSec: figure(i === 0 ? 4 : 900),
      cpuMsPerTask: { hub: figure(i === 0 ? 100 : 0.5) },
      assignMsP50: null,
      fsyncsPerTask: figure(11),
      syncsInTurn: i === 0,
      fsyncMs: 0.2,
      rowsReadPerTask: null,
      completedRows: 0,
      framesPerSec: null,
      connections: null,
      availability: null,
    })),
  },
  hubId: "single-reference",
  hubCores: 1,
  fsyncMs: null,
  completedRows: 0,
  slo: { tasksPerHour: null, maxSlowdown: 2, growthPerMonth: 0.1 },
  prices: DEFAULT_PRICES,
  uncertainty: { draws: 0, seed: 1 },
};

const change = (changes: Record<string, string>) => withChanges(GIVEN, new Map(Object.entries(changes)));
const controls = controlsOf(GIVEN);

describe("the what-if's controls", () => {
  it("have names of their own, and stand where the fleet is", () => {
    expect(new Set(controls.map(({ id }) => id)).size).toBe(controls.length);
    const astray = controls.filter((control) => !control.values.includes(control.read(GIVEN)));
    expect(astray.map(({ id }) => `${id} at ${controls.find((c) => c.id === id)?.read(GIVEN)}`)).toEqual([]);
  });

  it("read back what was written, every value of each, and leave a fleet that can be computed", () => {
    for (const control of controls) {
      for (const value of control.values) {
        const input = control.write(GIVEN, value);
        expect(`${control.id}=${control.read(input)}`).toBe(`${control.id}=${value}`);
        expect(control.text(value)).not.toBe("");
      }
      const last = control.values.at(-1) as string;
      expect(decideFleet(control.write(GIVEN, last)).verdict.sentence).not.toBe("");
    }
  });

  it("answer a reviewer's questions: two 4090s, all complex, a slow disk, a narrow line", () => {
    const { input, ignored } = change({
      "count-new": "2",
      trivial: "0",
      standard: "0",
      complex: "100",
      fsync: "5",
      "uplink-office": "20",
    });
    expect(ignored).toEqual([]);
    expect(input.fleet.hosts.find(({ name }) => name === "new")).toMatchObject({ count: 2, gpu: { type: "rtx4090" } });
    expect(input.work.shares).toEqual({ trivial: 0, standard: 0, complex: 100 });
    expect(input).toMatchObject({ fsyncMs: 5, fleet: { sites: [{ upMbitPerSec: 20 }] } });
    expect(change({ fsync: AS_IS }).input.fsyncMs).toBeNull();
  });

  it("keep the shares of the other tiers when one is moved", () => {
    const { trivial, standard } = GIVEN.work.shares;
    const { shares } = change({ complex: "60" }).input.work;
    expect(shares.trivial / shares.standard).toBeCloseTo(trivial / standard);
    expect(shares.complex).toBe(60);
  });

  it("leave out of a link what the fleet does not have, and say so", () => {
    expect(change({ "count-attic": "3", "gpu-box": "abacus", "count-box": "lots", hub: "single-tuned" })).toMatchObject({
      ignored: ["count-attic=3", "gpu-box=abacus", "count-box=lots"],
      input: { hubId: "single-tuned" },
    });
  });

  it("come through a link unchanged", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ minLength: 1 }), fc.string())), (pairs) => {
        const changes = new Map(pairs);
        expect(fromLink(`#${toLink(changes)}`)).toEqual(changes);
      }),
    );
  });
});
