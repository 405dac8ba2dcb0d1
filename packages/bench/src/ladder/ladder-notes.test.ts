import { expect, it } from "vitest";
import { LADDER_EFFORTS } from "./ladder-effort.ts";
import { notesFor } from "./ladder-notes.ts";
import type { Ladder, RungResult } from "./ladder-result.ts";

const facts = {
  slo: "assign.p99 < 250 ms",
  appliedBoundMs: 385,
  arrivals: "constant",
  slowHubsAtOnce: 3,
  hubsAtOnce: 2,
  isolation: { kind: "cgroup-v2", how: "cgroup-v2, period 20 ms", coresPerMachine: 0.65 },
  environment: {},
  ladders: [],
};

const rung = (change: Partial<RungResult>) => ({ kind: "reference", atAgentsCeiling: false, ...change }) as RungResult;
const ladder = (...rungs: RungResult[]): Ladder => ({
  condition: {
    workload: "streaming",
    streaming: true,
    agents: 50,
    completedRows: 0,
    queuedRows: 0,
    work: "400",
    agentsCeilingPerSec: 125,
  },
  order: { fixes: [], by: "gain" },
  rungs,
});

const notes = (change: Partial<Parameters<typeof notesFor>[0]>) =>
  notesFor({ ...facts, ...change }, LADDER_EFFORTS.quick).join("\n");

it("says that trials are short and hubs slowed down by a quota", () => {
  expect(notes({})).toContain("SHORT TRIALS at effort quick");
  expect(notes({})).toContain("0.65 of a core");
  expect(
    notes({ isolation: { kind: "none", how: "not allowed", coresPerMachine: null }, slowHubsAtOnce: 1, hubsAtOnce: 1 }),
  ).toContain("No CPU quota (not allowed)");
});

it("says first that the disk was slowed down", () => {
  expect(notes({ environment: { fsyncFloorMs: 5 } })).toMatch(/^NOT THIS DISK: .* 5 ms/);
  expect(notes({})).not.toContain("NOT THIS DISK");
});

it("tells what the reference measured again was off by", () => {
  const ratio = { value: 1.6, low: 1.2, high: 2, n: 5, unit: "×" };
  const drifted = ladder(rung({ kind: "control", ratio, toldApart: { byCapacity: true, byCpu: false } }));
  expect(notes({ ladders: [drifted] })).toContain("Something else changed during this run");
});

it("tells when the agents were the limit", () => {
  expect(notes({ ladders: [ladder(rung({ atAgentsCeiling: true }))] })).toContain("at 125 tasks/s all 50 agents work");
  expect(notes({ ladders: [ladder(rung({}))] })).not.toContain("agents' limit");
});
