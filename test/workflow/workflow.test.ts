/** The workflow for GitHub, as far as it can be tried elsewhere: what it runs is there, with the options that it gives. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { serverSourcesOf } from "hubscale/provisioning";
import { writeReport } from "hubscale/report";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { SAMPLE } from "../browser/sample-result.ts";
import { runBench } from "../compare/bench-program.ts";

interface Step {
  run?: string;
  uses?: string;
  if?: string;
  with?: Record<string, string>;
}

interface Workflow {
  env: Record<string, string>;
  jobs: Record<
    string,
    { env?: Record<string, string>; strategy?: { matrix: { node: string[] } }; "timeout-minutes": number; steps: Step[] }
  >;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");
const workflow = parse(read(".github/workflows/ci.yml")) as Workflow;
const manifest = JSON.parse(read("package.json")) as { engines: { node: string }; scripts: Record<string, string> };
const jobs = Object.values(workflow.jobs);
const commands = jobs.flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []));
const compare = commands.find((command) => command.startsWith("pnpm bench compare")) as string;

it("runs scripts and programs that there are", () => {
  const { bin } = JSON.parse(read("packages/bench/package.json")) as { bin: Record<string, string> };
  const own = new Set(["install", ...Object.keys(manifest.scripts), ...Object.keys(bin)]);
  const pnpm = commands.flatMap((command) => /^pnpm (\S+)/.exec(command)?.[1] ?? []);
  expect(pnpm.filter((name) => !own.has(name))).toEqual([]);
  expect(pnpm).toEqual(expect.arrayContaining(["check", "test", "bench"]));
});

it("tries the oldest version of Node that is allowed, and two newer ones", () => {
  const versions = jobs.flatMap(({ steps, strategy }) => [
    ...(strategy?.matrix.node ?? []),
    ...steps.flatMap((step) => step.with?.["node-version"] ?? []).filter((version) => !version.includes("matrix")),
  ]);
  const oldest = /^>=(\d+\.\d+)$/.exec(manifest.engines.node)?.[1] as string;
  expect(versions).toContain(oldest);
  expect(new Set(versions.map((version) => version.split(".")[0]))).toEqual(new Set(["20", "22", "24"]));
  const number = (version: string) => version.split(".").reduce((sum, part, at) => sum + Number(part) / 1_000 ** at, 0);
  expect(versions.filter((version) => number(version) < number(oldest))).toEqual([]);
});

it("takes the servers from the images that it pulls", () => {
  const set = Object.assign({}, workflow.env, ...jobs.map(({ env }) => env)) as Record<string, string>;
  const { images, origins } = serverSourcesOf(set);
  expect(images).toEqual({ redis: set["HUBSCALE_REDIS_IMAGE"], nats: set["HUBSCALE_NATS_IMAGE"] });
  expect(origins).toEqual(["docker"]);
  for (const name of ["HUBSCALE_REDIS_IMAGE", "HUBSCALE_NATS_IMAGE"]) {
    expect(commands.filter((command) => command.startsWith("docker pull") && command.includes(name))).toHaveLength(jobs.length);
  }
});

it("gives `bench compare` options that it knows, and keeps its report whatever comes of it", async () => {
  const { stdout } = await runBench(["compare", "--help"]);
  const options = compare.match(/--[\w-]+/g) ?? [];
  expect(options.filter((option) => !stdout.includes(option))).toEqual([]);
  const out = /--out (\S+)/.exec(compare)?.[1];
  const kept = jobs.flatMap(({ steps }) => steps).find(({ uses }) => uses?.startsWith("actions/upload-artifact"));
  expect(kept).toMatchObject({ if: "always()", with: { path: out, "if-no-files-found": "error" } });
});

it("holds a result against bounds that can be read", async () => {
  const file = /--thresholds (\S+)/.exec(compare)?.[1] as string;
  expect(existsSync(join(root, file))).toBe(true);
  const folder = mkdtempSync(join(tmpdir(), "hubscale-workflow-"));
  try {
    writeReport(folder, SAMPLE);
    const { stdout, stderr } = await runBench(["report", folder, "--thresholds", join(root, file)]);
    expect(`${stdout}${stderr}`).toMatch(/threshold (met|MISSED) {2}single-tuned over single-reference/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
