/** What can be asked of a finished run, as a pipeline asks it: each exit code of the bench that needs no measuring. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CompareResult, HubResult } from "hubscale";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runBench } from "./bench-program.ts";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "hubscale-test-"));
  write("a", {});
  write("same", {});
  write("faster", { capacity: 900 });
  write("lossy", { lost: 1 });
  write("elsewhere", { cpuModel: "another" });
  write("undecided", { verdict: "No verdict: too little is known." });
  writeFileSync(join(dir, "kept.yaml"), bound(400));
  writeFileSync(join(dir, "missed.yaml"), bound(500));
  write("wrong", {});
  writeFileSync(results("wrong"), readFileSync(results("wrong"), "utf8").replace('"capacity"', '"capacities"'));
  mkdirSync(join(dir, "empty"));
  writeFileSync(results("empty"), "");
  const aliases = [..."bcdefghij"].map((name, i) => `${name}: &${name} [${Array(9).fill(`*${"abcdefghi"[i]}`).join(",")}]\n`);
  writeFileSync(join(dir, "bomb.yaml"), `a: &a [x,x,x,x,x,x,x,x,x]\n${aliases.join("")}`);
  writeFileSync(join(dir, "broken.yaml"), bound(400).replace("at_least", "atleast"));
});
afterAll(() => rmSync(dir, { recursive: true }));

const results = (run: string) => join(dir, run, "results.json");
const bound = (least: number) =>
  `thresholds:\n  - hub: single-tuned\n    metric: capacity.tasksPerSec\n    at_least: ${least}\n`;

interface Change {
  capacity?: number;
  lost?: number;
  cpuModel?: string;
  verdict?: string;
}

/** A run of one hub that bears 500 [450, 550] tasks/s. */
function write(
  name: string,
  { capacity = 500, lost = 0, cpuModel = "this", verdict = "Leave the hub as it is." }: Change,
): void {
  const hub: HubResult = {
    id: "single-tuned",
    valid: lost === 0,
    invalidReasons: lost > 0 ? [`${lost} acknowledged tasks were lost`] : [],
    durability: { required: "fsync", verified: "fsync", how: "" },
    machines: { hubNodes: 1, backboneServers: 0 },
    capacity: {
      tasksPerSec: { value: capacity, low: capacity * 0.9, high: capacity * 1.1, n: 14, unit: "tasks/s" },
      streamingAgents: null,
      messagesPerSec: null,
      connections: null,
    },
    latency: { assignMsP50: null, assignMsP99: null },
    perTask: {},
    history: { submitted: 9, acknowledged: 9, completed: 9 - lost, deadLettered: 0, lost, duplicated: 0, staleAccepted: 0 },
    bound: { role: null, utilisation: null, explanation: "–" },
    workPerTask: {},
    trials: [],
    describe: null,
  };
  const result: CompareResult = {
    schema: "hubscale.compare/1",
    startedAt: "2026-01-02T03:04:05.000Z",
    wallSeconds: 60,
    seed: 1,
    effort: "quick",
    workload: { name: "steady", agents: 50, completedRows: 1000, work: "0", streaming: false },
    slo: "assign.p99 < 100 ms",
    appliedBoundMs: 100,
    isolation: { kind: "none", how: "", coresPerMachine: null },
    environment: { cpuModel, cpus: 2, node: "v20", kernel: "6" },
    hubs: [hub],
    order: [],
    decision: {
      verdict,
      because: [],
      flipsWhen: [],
      cost: { nodes: null, of: "sharded", projected: false, explanation: "" },
      marginal: [],
    },
    notMeasured: [],
  };
  mkdirSync(join(dir, name));
  writeFileSync(join(dir, name, "results.json"), JSON.stringify(result));
}

const COMMANDS: [code: number, command: string, says: RegExp][] = [
  [0, "report a", /Leave the hub as it is/],
  [0, "report a --thresholds kept.yaml", /threshold met .*500 \[450, 550\], at least 400/],
  [99, "report a --thresholds missed.yaml", /threshold MISSED .*low end is 450: the value would do/],
  [2, "report a --thresholds broken.yaml", /broken\.yaml:4: atleast: unknown field/],
  [3, "report undecided", /No verdict/],
  [4, "report lossy", /1 acknowledged tasks were lost/],
  [4, "report lossy --thresholds missed.yaml", /threshold MISSED/],
  [2, "report nowhere", /cannot read .*results\.json/],
  [0, "diff a same", /No difference: none of 1 numbers/],
  [0, "diff a faster", /B is better: single-tuned capacity\.tasksPerSec ×1\.80/],
  [99, "diff faster a --fail-on worse", /B is worse/],
  [99, "diff a faster --fail-on any", /B is better/],
  [0, "diff a faster --fail-on worse", /B is better/],
  [3, "diff a elsewhere", /not comparable.*\n.*cpuModel: this \| another/],
  [0, "diff a elsewhere --force", /BY FORCE[^]*No difference/],
  [4, "diff a lossy", /left out: single-tuned, not valid in B/],
  [2, "diff a nowhere", /cannot read/],
  [2, "report empty", /results\.json is empty, or was cut off/],
  [2, "report wrong", /results\.json:1: hubs\.0\.capacity: is missing/],
  [2, "diff a wrong", /results\.json:1: hubs\.0\.capacity: is missing/],
  [2, "analysis wrong", /results\.json:1: hubs\.0\.capacity: is missing/],
  [2, "fleet --result wrong", /results\.json:1: hubs\.0\.capacity: is missing/],
  [2, "fleet --result a --ladder wrong", /has schema 'hubscale\.compare\/1'; 'hubscale\.ladder\/1' is wanted/],
  [2, "fleet --faults wrong", /has schema 'hubscale\.compare\/1'; 'hubscale\.faults\/1' is wanted/],
  [2, "compare --calibration wrong", /has schema 'hubscale\.compare\/1'; 'hubscale\.calibration\/1' is wanted/],
  [2, "compare --workload bomb.yaml", /bomb\.yaml: Excessive alias count/],
  [2, "diff a", /missing required argument/],
  [2, "diff a same --margin wide", /per cent from 0 to 100/],
  [2, "profile single-tuned --tools gdb", /'gdb' is none/],
  [2, "profile single-tund", /did you mean single-tuned/],
  [2, "compare --thresholds broken.yaml", /broken\.yaml:4: atleast/],
];

it.each(COMMANDS)("%i: bench %s", async (code, command, says) => {
  const args = command.split(" ").map((part) => (part.endsWith(".yaml") ? join(dir, part) : part));
  const runs = new Set(["a", "same", "faster", "lossy", "elsewhere", "undecided", "nowhere", "wrong", "empty"]);
  const places = args.map((part, i) => {
    if (i === 0 || !runs.has(part)) return part;
    return args[i - 1]?.startsWith("--") ? results(part) : join(dir, part);
  });
  const finished = await runBench(places);
  expect(`${finished.stdout}${finished.stderr}`).toMatch(says);
  expect(finished.code).toBe(code);
});

it("--json of report and diff is JSON and nothing else on stdout", async () => {
  const report = await runBench(["report", join(dir, "a"), "--json"]);
  expect(JSON.parse(report.stdout)).toMatchObject({ schema: "hubscale.compare/1" });
  const diff = await runBench(["diff", join(dir, "a"), join(dir, "same"), "--json"]);
  expect(JSON.parse(diff.stdout)).toMatchObject({ schema: "hubscale.diff/2", verdict: "no difference" });
});

it("doctor says what can be measured here, as a table and as JSON, and ends with 0 whatever it finds", async () => {
  const { code, stdout } = await runBench(["doctor", "--offline", "--json"]);
  expect(code).toBe(0);
  const { schema, findings } = JSON.parse(stdout) as {
    schema: string;
    findings: { topic: string; state: string; remedy: string }[];
  };
  expect(schema).toBe("hubscale.doctor/1");
  expect(findings.map(({ topic }) => topic)).toEqual(
    expect.arrayContaining(["Node.js", "cores", "disk", "Redis", "NATS", "loopback"]),
  );
  expect(findings.filter(({ state, remedy }) => state !== "ok" && remedy === "")).toEqual([]);
}, 120_000);
