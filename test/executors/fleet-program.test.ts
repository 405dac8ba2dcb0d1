/** `pnpm sim --fleet` as a user has it: against a real hub, and with files that are wrong. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { HubProcess, type TemporaryFolder, temporaryFolder } from "../hub-single/hub-process.ts";

const cli = fileURLToPath(new URL("../sim-cli.js", import.meta.resolve("hubscale/machine")));
let folder: TemporaryFolder;

beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

async function sim(...args: string[]) {
  const child = spawn(process.execPath, [cli, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const [[code], out, log] = await Promise.all([once(child, "exit"), text(child.stdout), text(child.stderr)]);
  return { code: code as number | null, out, log };
}

async function file(name: string, lines: string): Promise<string> {
  const path = join(folder.path, name);
  await writeFile(path, lines);
  return path;
}

const FLEET = `name: small
api: { tier: scale, model: claude-sonnet-5 }
sites:
  - name: here
    hub: remote
    mesh: direct
    uplink: { up_mbit_s: 1000, delay_ms: 1 }
    hosts:
      - { name: gpu, cores: 4, ram_gb: 16, gpu: rtx4090, num_parallel: 4, agents: 2 }
      - { name: desk, cores: 4, ram_gb: 16, agents: 2 }
`;

const WORKLOAD = `name: small
slo: assign.p99 < 100ms
agents: 4
completed_rows: 0
arrivals: constant
work: 0
task: { description_chars: 60, metadata_bytes: 0 }
streaming: false
tiers:
  trivial: { share: 1, cpu_s: 1, wait_s: 1 }
  standard: { share: 1, rounds: 2, prompt_tokens: 500, output_tokens: 50, tool_s: 1 }
  complex: { share: 1, steps: 2, context_tokens: 20000, output_tokens: 50, tool_s: 1 }
`;

it("runs the mix against a hub: every tier on its own ground", async () => {
  const hub = await HubProcess.ready(["--data", join(folder.path, "hub"), "--profile", "tuned"]);
  const fleet = ["--fleet", await file("fleet.yaml", FLEET), "--workload", await file("work.yaml", WORKLOAD)];
  const { code, out, log } = await sim("--hub", hub.ws, ...fleet, "--rate", "6", "--duration-s", "5", "--time-scale", "30");
  expect(code, log).toBe(0);
  expect(log).toMatch(/fleet small: 4 agents, 1 Ollama endpoints \(http:\/\/127\.0\.1\.1:\d+\)|http:\/\/127\.0\.0\.1/);
  expect(out).toMatch(/history: completed (\d\d), dead-lettered 0, lost 0, duplicated 0, .* not ended 0, not known 0$/m);
  expect(out).toMatch(/^trivial: \d+ done/m);
  expect(out).toMatch(/^standard: \d+ done .* tokens\/s · ollama \d+\.\d MB up/m);
  expect(out).toMatch(/^complex: \d+ done .* tokens\/s · api \d+\.\d MB up/m);
  expect(out).not.toContain("failed:");
  const { body } = await hub.call("GET", "/api/agents");
  expect(body).toMatchObject({ agents: expect.anything() });
  await hub.kill("SIGTERM");
});

it("refuses wrong files with exit 2 before it looks for a hub, each field with its line", async () => {
  const fleet = await file("fleet.yaml", FLEET.replace("rtx4090", "voodoo2").replace("agents: 2 }", "agents: two }"));
  const workload = await file("work.yaml", WORKLOAD.replace("rounds: 2", "rounds: some"));
  const { code, log } = await sim("--hub", "ws://127.0.0.1:9", "--fleet", fleet, "--workload", workload);
  expect(code).toBe(2);
  expect(log).toMatch(/work\.yaml:11: tiers\.standard\.rounds: 'some': must be a number/);
  expect(log).toMatch(/fleet\.yaml:9: sites\.0\.hosts\.0\.gpu: 'voodoo2': must be one of rtx3060,/);
  expect(log).toMatch(/fleet\.yaml:9: sites\.0\.hosts\.0\.agents: 'two': must be a whole number from 0 to 100000/);
});

it.each([
  [["--fleet", "nowhere.yaml"], "cannot read the fleet 'nowhere.yaml'"],
  [["--fleet", "office", "--agents", "3"], "--agents: the fleet and the workload's tiers say this"],
  [["--fleet", "office", "--workload", "steady"], "--workload steady: has no tiers"],
  [["--claude-url", "http://127.0.0.1:1"], "--claude-url means nothing without --fleet"],
])("refuses %j", async (args, message) => {
  const { code, log } = await sim("--hub", "ws://127.0.0.1:9", ...args);
  expect(code).toBe(2);
  expect(log).toContain(message);
});
