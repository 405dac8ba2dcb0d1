import { describe, expect, it } from "vitest";
import {
  applicable,
  drawPlan,
  FAULT_KINDS,
  faultInWords,
  type FaultKind,
  type FaultTargets,
  lengthMs,
  meet,
  partOf,
  PLAIN_KINDS,
} from "./fault-plan.ts";

const SHARDED: FaultTargets = { nodes: 2, store: "backbone", servers: 1 };
const CLUSTER: FaultTargets = { nodes: 2, store: "backbone", servers: 3 };
const SINGLE: FaultTargets = { nodes: 1, store: "node", servers: 0 };
const LEASE_MS = 1_500;
const plans = (targets: FaultTargets, kinds = FAULT_KINDS) =>
  Array.from({ length: 400 }, (_, seed) => drawPlan({ seed, leaseMs: LEASE_MS, targets, kinds }));
const kindsOf = (targets: FaultTargets) =>
  new Set(plans(targets).flatMap(({ faults }) => faults.map(({ fault }) => fault.kind)));

describe("a fault plan", () => {
  it("is the seed's alone", () => {
    expect(plans(SHARDED)).toEqual(plans(SHARDED));
    expect(new Set(plans(SHARDED).map(({ faults }) => JSON.stringify(faults))).size).toBeGreaterThan(380);
  });

  it("does to a hub what can be done to it", () => {
    const ofBackbones = new Set<FaultKind>(["cut-off-node", "restart-backbone", "cut-off-server"]);
    expect(kindsOf(CLUSTER)).toEqual(new Set(FAULT_KINDS));
    expect(kindsOf(SHARDED)).toEqual(new Set(FAULT_KINDS.filter((kind) => kind !== "cut-off-server")));
    expect(kindsOf(SINGLE)).toEqual(new Set(FAULT_KINDS.filter((kind) => !ofBackbones.has(kind))));
    expect(applicable(FAULT_KINDS, { nodes: 1, store: "none", servers: 0 })).not.toContain("full-disk");
  });

  it("harms each of several servers, and never two at once", () => {
    const isOfServers = (kind: FaultKind) => ["restart-backbone", "cut-off-server", "slow-disk", "full-disk"].includes(kind);
    const ofServers = plans(CLUSTER).map(({ faults }) => faults.filter(({ fault }) => isOfServers(fault.kind)));
    const hit = ofServers.flat().map(({ fault }) => `${fault.kind} ${"server" in fault ? fault.server : ""}`);
    expect(new Set(hit).size).toBe(4 * 3);
    const together = ofServers.filter((faults) =>
      faults.some(({ atMs }, i) => faults.slice(0, i).some((earlier) => earlier.atMs + lengthMs(earlier.fault) > atMs)),
    );
    expect(together).toEqual([]);
  });

  it("leaves the plans of hubs with one server as they were when there were no others", () => {
    expect(drawPlan({ seed: 1, leaseMs: LEASE_MS, targets: SHARDED, kinds: FAULT_KINDS }).faults).toEqual([
      { atMs: 377, fault: { kind: "full-disk", store: "backbone", forMs: 1_594 } },
      { atMs: 1_197, fault: { kind: "cut-off-node", node: 1, forMs: 1_881 } },
      { atMs: 1_612, fault: { kind: "reconnect-storm" } },
    ]);
  });

  it("cuts a server off for less and for more than an election takes", () => {
    const cuts = plans(CLUSTER).flatMap(({ faults }) => faults.filter(({ fault }) => fault.kind === "cut-off-server"));
    const lengths = cuts.map(({ fault }) => lengthMs(fault));
    expect(Math.min(...lengths)).toBeLessThan(4_000);
    expect(Math.max(...lengths)).toBeGreaterThan(9_000);
  });

  it("has only what was asked for", () => {
    const drawn = plans(CLUSTER, PLAIN_KINDS).flatMap(({ faults }) => faults.map(({ fault }) => fault.kind));
    expect(new Set(drawn)).toEqual(new Set(PLAIN_KINDS));
    expect(() => drawPlan({ seed: 1, leaseMs: LEASE_MS, targets: SINGLE, kinds: ["cut-off-node"] })).toThrow(/cut-off-node/);
  });

  it("takes the power only from a hub that is whole", () => {
    const together = plans(SHARDED).flatMap(({ faults }) =>
      faults.filter(({ atMs, fault }, i) =>
        faults.slice(0, i).some((earlier) => {
          const parts = new Set([partOf(earlier.fault), partOf(fault)]);
          return parts.has("everything") && !parts.has(null) && earlier.atMs + lengthMs(earlier.fault) > atMs;
        }),
      ),
    );
    expect(together).toEqual([]);
    expect(meet("everything", "node 1")).toBe(true);
    expect(meet("node 0", "node 1")).toBe(false);
  });

  it("sets clocks ahead and behind", () => {
    const jumps = plans(SHARDED).flatMap(({ faults }) => faults.flatMap(({ fault }) => ("byMs" in fault ? fault.byMs : [])));
    expect(Math.min(...jumps)).toBeLessThan(-3_600_000);
    expect(Math.max(...jumps)).toBeGreaterThan(3_600_000);
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
    expect(faultInWords({ kind: "full-disk", store: "backbone", forMs: 900 })).toBe("the disk of the backbone full for 0.9 s");
    expect(faultInWords({ kind: "restart-backbone", server: 2, downMs: 900 })).toBe(
      "kill -9 of backbone server 3, back after 0.9 s",
    );
    expect(faultInWords({ kind: "restart-backbone", downMs: 900 })).toBe("kill -9 of the backbone, back after 0.9 s");
    const behind = { kind: "jump-clock", node: 1, byMs: -61_000, forMs: 2_000 } as const;
    expect(faultInWords(behind)).toBe("clock of n2 61 s behind for 2.0 s");
  });
});
