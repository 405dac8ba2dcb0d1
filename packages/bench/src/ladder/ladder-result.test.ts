import { describe, expect, it } from "vitest";
import type { Estimate } from "../measure/estimate.ts";
import type { HubResult } from "../results/compare-result.ts";
import { type Condition, gainsOf, type RungResult, rungResultOf, verdictOf } from "./ladder-result.ts";
import { REFERENCE, type Rung } from "./rungs.ts";

const estimate = (value: number, spread = 0.1, n = 5): Estimate => ({
  value,
  low: value * (1 - spread),
  high: value * (1 + spread),
  n,
  unit: "tasks/s",
});

const CONDITION: Condition = {
  workload: "steady",
  streaming: false,
  agents: 50,
  completedRows: 1_000,
  queuedRows: 0,
  work: "0",
  agentsCeilingPerSec: null,
};

function hub(capacity: Estimate | null, cpuMs: Estimate | null): HubResult {
  return {
    id: "single-reference",
    valid: capacity !== null,
    invalidReasons: capacity ? [] : ["it held no load that was tried"],
    durability: { required: "fsync", verified: "fsync", how: "" },
    machines: { hubNodes: 1, backboneServers: 0 },
    capacity: { tasksPerSec: capacity, streamingAgents: null, messagesPerSec: null, connections: null },
    latency: { assignMsP50: null, assignMsP99: null },
    perTask: { hub: { cpuMs, fsyncs: null, bytesIn: null, bytesOut: null } },
    history: { submitted: 1, acknowledged: 1, completed: 1, deadLettered: 0, lost: 0, duplicated: 0, staleAccepted: 0 },
    bound: { role: "hub", utilisation: 1, explanation: "hub CPU 100 %" },
    workPerTask: {},
    trials: [],
    describe: null,
  };
}

const alone = (fix: "C1" | "C3" | "C9"): Rung => ({ kind: "alone", fixes: [fix], added: [fix] });
const reference = rungResultOf(REFERENCE, hub(estimate(10), estimate(90)), null, CONDITION);
const rung = (fix: "C1" | "C3" | "C9", capacity: Estimate | null, cpuMs: Estimate | null): RungResult =>
  rungResultOf(alone(fix), hub(capacity, cpuMs), reference, CONDITION);

describe("a rung", () => {
  it("is set against the reference: more capacity, less CPU", () => {
    const c3 = rung("C3", estimate(100), estimate(9));
    expect(c3.ratio?.value).toBeCloseTo(10);
    expect(c3.cpuRatio?.value).toBeCloseTo(10);
    expect(c3.toldApart).toEqual({ byCapacity: true, byCpu: true });
  });

  it("within the noise is not told apart, nor by a CPU figure of too few trials", () => {
    expect(rung("C9", estimate(10.5), estimate(88)).toldApart).toEqual({ byCapacity: false, byCpu: false });
    expect(rung("C9", estimate(10.5), estimate(9, 0, 1)).toldApart.byCpu).toBe(false);
  });

  it("that is slower is told apart too", () => {
    expect(rung("C1", estimate(5), null).toldApart).toEqual({ byCapacity: true, byCpu: false });
  });

  it("without a capacity keeps its reason and has no ratio", () => {
    const c1 = rung("C1", null, null);
    expect(c1).toMatchObject({ valid: false, ratio: null, capacity: null });
    expect(c1.invalidReasons).toEqual(["it held no load that was tried"]);
  });

  it("says when it was the agents that were full", () => {
    const busy = { ...CONDITION, agentsCeilingPerSec: 125 };
    expect(rungResultOf(alone("C3"), hub(estimate(110), null), reference, busy).atAgentsCeiling).toBe(true);
    expect(rungResultOf(alone("C3"), hub(estimate(60), null), reference, busy).atAgentsCeiling).toBe(false);
  });
});

it("the gain of a fix is that of its capacity, else that of its CPU, else none", () => {
  const rungs = [
    reference,
    rung("C3", estimate(100), estimate(9)),
    rung("C1", estimate(10), estimate(45)),
    rung("C9", estimate(10), estimate(90)),
  ];
  expect(gainsOf(rungs).map(({ fix, factor }) => [fix, factor === null ? null : Math.round(factor)])).toEqual([
    ["C3", 10],
    ["C1", 2],
    ["C9", null],
  ]);
});

describe("the verdict", () => {
  const order = { fixes: [], by: "gain" as const };
  it("names the sum, the best single fix, and those that are not told apart", () => {
    const sum = rungResultOf(
      { kind: "sum", fixes: ["C3", "C9"], added: ["C9"] },
      hub(estimate(120), estimate(8)),
      reference,
      CONDITION,
    );
    const rungs = [reference, rung("C3", estimate(100), estimate(9)), rung("C9", estimate(10), estimate(90)), sum];
    const verdict = verdictOf({ condition: CONDITION, order, rungs });
    expect(verdict).toMatch(/^2 fixes together: ×12 \[/);
    expect(verdict).toContain("Alone, C3 gives most: ×10");
    expect(verdict).toContain("Not told apart alone: C9.");
  });

  it("is none without a reference", () => {
    const lost = rungResultOf(REFERENCE, hub(null, null), null, CONDITION);
    expect(verdictOf({ condition: CONDITION, order, rungs: [lost] })).toMatch(/^No verdict/);
    expect(verdictOf(undefined)).toMatch(/^No verdict/);
  });
});
