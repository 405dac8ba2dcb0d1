/** `bench fleet` as a user runs it. */
import type { FleetDecision } from "@hubscale/fleet-model";
import { describe, expect, it } from "vitest";
import { runBench } from "../compare/bench-program.ts";

interface FleetOutput {
  schema: string;
  decision: FleetDecision;
  agentsPerGpu: { numParallel: number; tasksPerHour: number[]; stopsPayingAt: number | null }[];
  simulated: { error: number; simulated: { value: number } } | null;
}

interface StubsRow {
  tasks: number;
  failed: { stubs: number; simulated: number };
  error: { value: number };
}

describe("bench fleet", () => {
  it("decides for the shipped fleet on the recorded hubs, and says that they are recorded", async () => {
    const { code, stdout, stderr } = await runBench(["fleet", "--draws", "10", "--json"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { schema, decision, agentsPerGpu } = JSON.parse(stdout) as FleetOutput;
    expect(schema).toBe("hubscale.fleet/1");
    expect(decision.evidence).toMatch(/recorded measurement, not of this machine/);
    expect(decision.marginal.map(({ id }) => id)).toEqual(
      expect.arrayContaining(["machine-without-gpu", "machine-gpu-box", "agent-desk", "uplink-office", "hub-node"]),
    );
    expect(decision.walls.map(({ id }) => id)).toEqual(
      expect.arrayContaining(["synchronous-writes", "table-scans", "presence", "dets-2-gb", "connections", "gpu-gpu-box"]),
    );
    const [one, two] = agentsPerGpu;
    expect(two?.tasksPerHour[7]).toBeGreaterThan(one?.tasksPerHour[7] ?? Number.POSITIVE_INFINITY);
  });

  it("simulates random fleets beside the closed form", async () => {
    const { code, stdout } = await runBench(["fleet", "--random", "5", "--no-progress"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/fleets +held by rule +median error/);
  });

  it("puts a random fleet on real stubs and finds the same tasks to take as long in the simulation, roughly", async () => {
    const flags = ["--stubs", "1", "--minutes", "0.25", "--time-scale", "20", "--json", "--no-progress"];
    const { stdout } = await runBench(["fleet", ...flags]);
    const { schema, groups } = JSON.parse(stdout) as { schema: string; groups: { fleets: StubsRow[] }[] };
    expect(schema).toBe("hubscale.fleet-stubs/1");
    const [row] = groups.flatMap(({ fleets }) => fleets);
    expect(row?.tasks).toBeGreaterThan(20);
    expect(row?.failed).toEqual({ stubs: 0, simulated: 0 });
    // Other programs may make the stubs late; wrong rules made them differ by more.
    expect(Math.abs(row?.error.value ?? 1)).toBeLessThan(0.4);
  });

  it.each([
    [["--stubs", "2", "--minutes", "0"], /give a number from 0.1 to 600/],
    [["--fleet", "none-such"], /cannot read the fleet 'none-such'/],
    [["--workload", "steady"], /has no tiers/],
    [["--hub", "single-dreamt"], /no measurement of the hub 'single-dreamt'; there are single-reference/],
    [["--growth", "much"], /give a number from 0 to 10/],
  ])("refuses %j with exit code 2", async (flags, says) => {
    const { code, stderr } = await runBench(["fleet", ...flags]);
    expect(code).toBe(2);
    expect(stderr).toMatch(says);
  });
});
