/** `bench gpu` and `bench bytes` as programs, small and fast: their figures are measured elsewhere, their arithmetic is checked here. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const cli = fileURLToPath(new URL("../bench-cli.js", import.meta.resolve("hubscale/machine")));

async function bench(...args: string[]) {
  const child = spawn(process.execPath, [cli, ...args, "--no-progress"], { stdio: ["ignore", "pipe", "pipe"] });
  const [[code], out, log] = await Promise.all([once(child, "exit"), text(child.stdout), text(child.stderr)]);
  return { code: code as number | null, out, log };
}

it("bench gpu: an agent alone gets its cycle, 16 share what one GPU has", async () => {
  // Constant sizes. However late the timers of a busy machine are, the pauses as they were are what the closed form is solved for.
  const sizes = ["--sizes", "constant", "--answers", "100", "--time-scale", "200"];
  const { code, out, log } = await bench("gpu", "--agents", "1,16", "--parallel", "1", ...sizes, "--json");
  expect(code, log).toBe(0);
  const result = JSON.parse(out) as {
    schema: string;
    cases: { agents: number; measured: Record<string, { value: number; unit: string }>; difference: Record<string, number> }[];
  };
  expect(result.schema).toBe("hubscale.gpu/1");
  expect(result.cases.map(({ agents }) => agents)).toEqual([1, 16]);
  const [alone, full] = result.cases.map(({ measured }) => measured);
  expect(alone?.queueWaitSec?.value).toBeCloseTo(0, 2);
  expect(alone?.tasksPerHour?.unit).toBe("tasks/h");
  expect(Math.abs(result.cases[0]?.difference.tasksPerHour ?? 1)).toBeLessThan(0.02);
  // 1,500 tokens at 6,899/s and 300 at 127/s: 2.59 s a request, three a task.
  expect(full?.tasksPerHour?.value).toBeLessThan(3_600 / (3 * 2.57));
  expect(full?.queueWaitSec?.value).toBeGreaterThan(1);
});

it("bench bytes: what the plan says is on the wire, and nothing goes where it should not", async () => {
  const { code, out, log } = await bench("bytes", "--time-scale", "100", "--rounds", "1", "--json");
  expect(code, log).toBe(0);
  interface Segment {
    up: { bytes: number; writes: number };
    down: { bytes: number; writes: number };
  }
  const { count, lines } = JSON.parse(out) as {
    count: { tiers: { tier: string; tokensOut: number; hub: Segment; ollama: Segment; api: Segment }[] };
    lines: { tier: string; layout: string; agents: number[] }[];
  };
  const tier = (name: string) => count.tiers.find((each) => each.tier === name) ?? fail();
  // Prompts of 2,555, 3,935 and 5,315 tokens of four characters, and some JSON; nine steps from 148,857 tokens on.
  expect(tier("standard").ollama.up.bytes / (4 * (2_555 + 3_935 + 5_315))).toBeCloseTo(1, 1);
  expect(tier("complex").api.up.bytes / (4 * 9 * (148_857 + 4 * 1_380))).toBeCloseTo(1, 1);
  expect(tier("standard").tokensOut).toBe(3 * 523);
  expect([tier("trivial").ollama, tier("trivial").api, tier("standard").api].map(({ up }) => up.bytes)).toEqual([0, 0, 0]);
  for (const each of count.tiers) expect(each.hub.up.bytes).toBeGreaterThan(800);
  const carried = (layout: string) => lines.find((line) => line.tier === "standard" && line.layout === layout)?.agents[0] ?? 0;
  expect(carried("GPU elsewhere, mesh")).toBeLessThan(carried("GPU elsewhere, no mesh"));
  expect(carried("GPU elsewhere, no mesh")).toBeLessThan(carried("GPU in the site, no mesh"));
});

it.each([
  [["gpu", "--gpu", "voodoo2"], "rtx4090"],
  [["bytes", "--workload", "steady"], "needs the tiers trivial, standard and complex"],
])("%j is refused with exit 2", async (args, hint) => {
  const { code, log } = await bench(...args);
  expect(code).toBe(2);
  expect(log).toContain(hint);
});

function fail(): never {
  throw new Error("a tier is missing");
}
