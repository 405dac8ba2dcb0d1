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

  it.each([
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
