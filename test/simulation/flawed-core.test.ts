/** A check of the check: with a rule taken out of the core, the simulation has to find it and tell the shortest story of it. */
import { expect, it, vi } from "vitest";
import { type Scenario, scenarioOf, shrunk, simulate } from "./simulation.ts";

/** Completions count whatever their generation. */
vi.mock("@hubscale/hub-core", async (original) => {
  const core = await original<typeof import("@hubscale/hub-core")>();
  return {
    ...core,
    transition: (...[task, command, nowMs]: Parameters<typeof core.transition>) =>
      core.transition(task, command.type === "complete" ? { ...command, generation: task.generation } : command, nowMs),
  };
});

it("finds within 500 seeds that the fence is down", { timeout: 120_000 }, async () => {
  for (let seed = 0; seed < 500; seed++) {
    const fails = async (scenario: Scenario) => (await simulate(scenario)).violations.length > 0;
    if (!(await fails(scenarioOf(seed)))) continue;
    const smallest = await shrunk(scenarioOf(seed), fails);
    const { plan } = smallest;
    const { history, violations } = await simulate(smallest);
    process.stdout.write(`Without the fence, seed ${seed}, ${plan.length} actions:\n${history.join("\n")}\n`);
    expect(violations).toEqual([expect.stringMatching(/a completion of generation \d+ was taken for generation \d+/)]);
    expect(plan.length).toBeLessThanOrEqual(8);
    expect(history.at(-1)).toContain("VIOLATED");
    return;
  }
  expect.unreachable("the fence is down, and no seed shows it");
});
