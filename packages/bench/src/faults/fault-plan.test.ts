import { describe, expect, it } from "vitest";
import { drawPlan, faultInWords, type FaultTargets, lengthMs, partOf } from "./fault-plan.ts";

const SHARDED: FaultTargets = { nodes: 2, hasBackbone: true };
const SINGLE: FaultTargets = { nodes: 1, hasBackbone: false };
const LEASE_MS = 1_500;
const plans = (targets: FaultTargets) =>
  Array.from({ length: 400 }, (_, seed) => drawPlan({ seed, leaseMs: LEASE_MS, targets }));
const kindsOf = (targets: FaultTargets) =>
  new Set(plans(targets).flatMap(({ faults }) => faults.map(({ fault }) => fault.kind)));

describe("a fault plan", () => {
  it("is the seed's alone", () => {
    expect(plans(SHARDED)).toEqual(plans(SHARDED));
    expect(new Set(plans(SHARDED).map(({ faults }) => JSON.stringify(faults))).size).toBeGreaterThan(380);
  });

  it("does to a hub what can be done to it", () => {
    const all = ["kill-node", "pause-node", "cut-off-node", "restart-backbone", "reconnect-storm"];
    expect([...kindsOf(SHARDED)].sort()).toEqual(all.sort());
    expect([...kindsOf(SINGLE)].sort()).toEqual(["kill-node", "pause-node", "reconnect-storm"]);
  });

  it("has one to three faults in the order of time, some of them at once", () => {
    const counts = new Set(plans(SHARDED).map(({ faults }) => faults.length));
    expect([...counts].sort()).toEqual([1, 2, 3]);
    for (const { faults } of plans(SHARDED)) {
      expect(faults.map(({ atMs }) => atMs)).toEqual(faults.map(({ atMs }) => atMs).sort((a, b) => a - b));
    }
    const overlapping = plans(SHARDED).filter(({ faults: [first, second] }) => {
      return first && second && first.atMs + lengthMs(first.fault) > second.atMs;
    });
    expect(overlapping.length).toBeGreaterThan(50);
  });

  it("harms a part again only when it is whole", () => {
    const tooEarly = [...plans(SHARDED), ...plans(SINGLE)].flatMap(({ faults }) =>
      faults.filter(({ atMs, fault }, i) =>
        faults
          .slice(0, i)
          .some((earlier) => partOf(earlier.fault) === partOf(fault) && earlier.atMs + lengthMs(earlier.fault) > atMs),
      ),
    );
    expect(tooEarly).toEqual([]);
  });

  it("stops a node for longer than its lease", () => {
    const pauses = plans(SHARDED).flatMap(({ faults }) => faults.filter(({ fault }) => fault.kind === "pause-node"));
    expect(pauses.length).toBeGreaterThan(50);
    for (const { fault } of pauses) expect(lengthMs(fault)).toBeGreaterThan(LEASE_MS);
  });

  it("reads well", () => {
    expect(faultInWords({ kind: "kill-node", node: 0, downMs: 640 })).toBe("kill -9 of n1, back after 0.6 s");
    expect(faultInWords({ kind: "reconnect-storm" })).toBe("all connections cut");
  });
});
