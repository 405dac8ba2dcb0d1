/** `bench primitives`, `bench engines` and `bench connections` as a user runs them, as small as they go: what they count is exact, how long it takes is not tested. */
import type { Estimate } from "hubscale";
import { describe, expect, it } from "vitest";
import { runBench } from "../compare/bench-program.ts";

function expectEstimate({ value, low, high, n }: Estimate): void {
  expect(value).toBeGreaterThan(0);
  expect(low).toBeLessThanOrEqual(value);
  expect(high).toBeGreaterThanOrEqual(value);
  expect(n).toBeGreaterThan(1);
}

describe("bench primitives", () => {
  it("measures every primitive in each repeat, and the hub against their sum", async () => {
    const { code, stdout, stderr } = await runBench(["primitives", "--repeats", "2", "--json", "--no-progress"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { schema, repeats, comparison, bytes } = JSON.parse(stdout) as {
      schema: string;
      repeats: { costs: Record<string, number>; hub: Record<string, number> }[];
      comparison: Record<"ratio" | "sum" | "hub", Estimate> & { rowsPerTask: number; rowsPerCommit: number };
      bytes: Record<string, number>;
    };
    expect(schema).toBe("hubscale.primitives/1");
    expect(repeats).toHaveLength(2);
    for (const { costs, hub } of repeats) {
      expect(Object.keys(costs)).toHaveLength(12);
      for (const number of [...Object.values(costs), ...Object.values(hub)]) expect(number).toBeGreaterThan(0);
    }
    for (const name of ["ratio", "sum", "hub"] as const) expectEstimate(comparison[name]);
    // At the submission with its assignment, and at the completion; sometimes the two former come apart.
    expect(comparison.rowsPerTask).toBeGreaterThanOrEqual(2);
    expect(comparison.rowsPerTask).toBeLessThanOrEqual(3.1);
    expect(comparison.rowsPerCommit).toBeGreaterThanOrEqual(1);
    expect(bytes["assign"]).toBeGreaterThan(bytes["submitBody"] as number);
  });
});

describe("bench engines", () => {
  it.each(["redis", "nats"])(
    "runs the raw engine and the hub over %s in turn, and says what share of its rate reaches a user",
    async (backbone) => {
      const flags = ["--backbone", backbone, "--nodes", "1", "--repeats", "2", "--json", "--no-progress"];
      const { code, stdout } = await runBench(["engines", ...flags]);
      expect(code).toBe(0);
      const result = JSON.parse(stdout) as {
        hub: string;
        clean: boolean;
        repeats: Record<"raw" | "hub", { tasks: number }>[];
        share: Estimate;
      } & Record<"raw" | "withHub", Record<"tasksPerSec" | "serverCpuMsPerTask" | "serverBusy", Estimate>>;
      expect(result).toMatchObject({ schema: "hubscale.engines/2", hub: `sharded-${backbone}@1`, clean: true });
      expect(result.repeats).toHaveLength(2);
      for (const { raw, hub } of result.repeats) for (const { tasks } of [raw, hub]) expect(tasks).toBeGreaterThan(0);
      for (const figures of [result.raw, result.withHub]) for (const figure of Object.values(figures)) expectEstimate(figure);
      expectEstimate(result.share);
    },
  );

  it.each([
    [["--nodes", "0"], "--nodes"],
    [["--cores", "none"], "--cores"],
    [["--backbone", "kafka"], "--backbone"],
    [["--backbone-servers", "99"], "--backbone-servers"],
  ])("refuses %j with 2", async (flags, problem) => {
    expect(await runBench(["engines", ...flags])).toMatchObject({ code: 2, stderr: expect.stringContaining(problem) });
  });
});

describe("bench connections", () => {
  it("counts the reference's presence frames, which grow with the square of the joins", async () => {
    const flags = ["--part", "joins", "--joins", "20,40,80", "--repeats", "2", "--json", "--no-progress"];
    const { code, stdout } = await runBench(["connections", ...flags]);
    expect(code).toBe(0);
    const { joins, idle } = JSON.parse(stdout) as {
      idle: unknown;
      joins: { hub: string; sizes: { agents: number; framesPerJoin: Estimate }[]; frames: { exponent: Estimate } | null }[];
    };
    expect(idle).toBeNull();
    const [reference, , tuned] = joins;
    expect(reference?.hub).toBe("single-reference");
    for (const { agents, framesPerJoin } of reference?.sizes ?? []) expect(framesPerJoin.value).toBe((agents - 1) / 2);
    expect(reference?.frames?.exponent.value).toBeCloseTo(2.03, 1);
    // Above 64 agents nobody is told who did not ask.
    expect(tuned?.sizes[2]?.framesPerJoin.value).toBeLessThan((80 - 1) / 2);
  });

  it("keeps idle agents connected, and tells what they cost", async () => {
    const flags = ["--part", "idle", "--agents", "50", "--windows", "1", "--json", "--no-progress"];
    const { code, stdout } = await runBench(["connections", ...flags]);
    expect(code).toBe(0);
    const { idle } = JSON.parse(stdout) as {
      idle: { agents: number; online: number; heartbeatsPerSec: Estimate; cpuPercent: Estimate; windowMs: number };
    };
    expect(idle).toMatchObject({ agents: 50, online: 50, windowMs: 30_000 });
    // A ping and a resource report of each agent in each window; at its edges one may fall to either side.
    const heartbeats = idle.heartbeatsPerSec.value * 30;
    expect(heartbeats).toBeGreaterThan(80);
    expect(heartbeats).toBeLessThan(120);
    expect(idle.cpuPercent.value).toBeGreaterThan(0);
  }, 120_000);

  it.each([
    [["--agents", "0"], "--agents"],
    [["--joins", "50"], "two different numbers"],
    [["--joins", "50,x"], "--joins"],
    [["--part", "some"], "--part"],
  ])("refuses %j with 2", async (flags, problem) => {
    expect(await runBench(["connections", ...flags])).toMatchObject({ code: 2, stderr: expect.stringContaining(problem) });
  });
});
