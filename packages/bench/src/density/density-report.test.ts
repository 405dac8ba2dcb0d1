import { expect, test } from "vitest";
import { densityResult, renderDensity } from "./density-report.ts";
import type { DensityLoad } from "./density-load.ts";
import type { DenseClient, DensityTrial } from "./density-run.ts";

const KIB = 1024;

function trial(load: DensityLoad, client: DenseClient, cpuSeconds: number, kibEach: number): DensityTrial {
  const before = 80_000 * KIB;
  return {
    load,
    client,
    connections: 100,
    frames: 10_000,
    windowMs: 1_000,
    cpuSeconds,
    rssBytes: { before, after: before + 100 * kibEach * KIB },
  };
}

const twice = (...of: Parameters<typeof trial>) => [trial(...of), trial(...of)];
const shape = { seed: 1, connections: 100, framesPerSec: 20 };

test("each load has its own figures and is held against the aims by itself", () => {
  const result = densityResult(
    [
      ...twice("pings", "sidecars", 0.1, 10),
      ...twice("pings", "artillery_checked", 0.3, 200),
      ...twice("pings", "bare_sockets", 0.08, 2),
      ...twice("tasks", "sidecars", 0.1, 40),
      ...twice("tasks", "artillery_checked", 0.6, 200),
    ],
    shape,
  );
  expect(result.loads.pings?.ratio?.framesPerCpuSecond.value).toBeCloseTo(3);
  expect(result.loads.pings?.ratio?.memory.value).toBeCloseTo(0.05);
  expect(result.loads.pings?.bareRatio?.memory.value).toBeCloseTo(0.01);
  expect(result.loads.tasks?.ratio?.framesPerCpuSecond.value).toBeCloseTo(6);
  expect(result.loads.tasks?.bareRatio).toBeNull();
  const [pings, tasks] = renderDensity(result).split("\n\n") as [string, string];
  expect(pings).toMatch(/frames per CPU-second: .*\(aim: ×5 or more: not met\); bare sockets/);
  expect(pings).toMatch(/memory per connection: .*\(aim: ×0.1 or less: met\); bare sockets/);
  expect(pings).toContain("4000 frames/s both ways were asked for");
  expect(tasks).toMatch(/frames per CPU-second: .*\(aim: ×5 or more: met\)$/m);
  expect(tasks).toMatch(/memory per connection: .*\(aim: ×0.1 or less: not met\)$/m);
  expect(tasks).toContain("5000 frames/s both ways were asked for");
});

test("without the tool there is nothing to hold the sidecars against", () => {
  const result = densityResult(twice("tasks", "sidecars", 0.1, 40), shape);
  expect(result.loads.pings).toBeUndefined();
  expect(result.loads.tasks?.ratio).toBeNull();
  expect(renderDensity(result)).not.toContain("aim");
});
