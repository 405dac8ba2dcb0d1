import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fleetAgents } from "@hubscale/fleet-model";
import { afterAll, expect, test } from "vitest";
import { loadFleet } from "./fleet-file.ts";
import { loadWorkload } from "./workload.ts";

const dir = mkdtempSync(join(tmpdir(), "fleet-file-test-"));
afterAll(() => rmSync(dir, { recursive: true }));

function problemsOf(
  load: (file: string) => ReturnType<typeof loadFleet> | ReturnType<typeof loadWorkload>,
  text: string,
): string[] {
  const file = join(dir, "f.yaml");
  writeFileSync(file, text);
  const loaded = load(file);
  return loaded.ok ? [] : loaded.problems.map((problem) => problem.replace(`${dir}/`, ""));
}

function shipped(load: (name: string) => { ok: true; file: string } | { ok: false; problems: string[] }, name: string): string {
  const loaded = load(name);
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  return readFileSync(loaded.file, "utf8");
}

const fleetProblems = (change: (text: string) => string) => problemsOf(loadFleet, change(shipped(loadFleet, "office")));
const workProblems = (change: (text: string) => string) => problemsOf(loadWorkload, change(shipped(loadWorkload, "coding")));

test("the shipped fleet is valid; `count` makes hosts that are alike", () => {
  const loaded = loadFleet("office");
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  const [site] = loaded.fleet.sites;
  expect(site?.hosts.map(({ name }) => name)).toEqual(["gpu-box-1", "gpu-box-2", "desk-1", "desk-2"]);
  expect(fleetAgents(loaded.fleet)).toBe(14);
});

test("each wrong field of a fleet is named with its line and what is allowed, all at once", () => {
  const problems = fleetProblems((text) =>
    text.replace("rtx4090", "voodoo2").replace("up_mbit_s: 100", "up_mbit_s: fast").replace("cores: 8", "kores: 8"),
  );
  expect(problems).toEqual([
    "f.yaml:14: sites.0.uplink.up_mbit_s: 'fast': must be a number from 0.01 to 400000",
    expect.stringMatching(/^f.yaml:24: sites.0.hosts.0.gpu: 'voodoo2': must be one of rtx3060, .*rtx4090/),
    "f.yaml:31: sites.0.hosts.1.cores: is missing: must be a number from 0.1 to 4096",
    expect.stringMatching(/^f.yaml:33: sites.0.hosts.1.kores: unknown field; there are name, count, cores/),
  ]);
});

test.each([
  ["rtx4090\n", "rtx4090\n        gpus: 0.5\n", "f.yaml:25: sites.0.hosts.0.gpus: '0.5': must be a whole number from 1 to 16"],
  ["cores: 8", "num_parallel: 4\n        cores: 8", "f.yaml:33: sites.0.hosts.1.num_parallel: means nothing without a gpu"],
  ["mesh: direct", "mesh: yes", "f.yaml:12: sites.0.mesh: 'yes': must be one of none, direct, direct-v6, relayed"],
  ["tier: tier-4", "tier: 2", "f.yaml:5: api.tier: '2': must be one of tier-1,"],
  [/sites:[^]*/, "sites: 3\n", "f.yaml:7: sites: must be a list of one or more"],
  [/[^]*/, "- a\n", "f.yaml:1: the file: must be a map of fields"],
])("%s as %s: %s", (from, to, problem) => {
  const [first] = fleetProblems((text) => text.replace(from, to));
  expect(first).toContain(problem);
});

test("two hosts must not share a name", () => {
  expect(fleetProblems((text) => text.replace("name: desk", "name: gpu-box"))).toEqual([
    "f.yaml:7: sites: 'gpu-box-1' is the name of two sites or hosts",
    "f.yaml:7: sites: 'gpu-box-2' is the name of two sites or hosts",
  ]);
});

test("what is no YAML, and a file that is not there", () => {
  expect(problemsOf(loadFleet, "name: [")[0]).toMatch(/^f.yaml:1: Flow sequence/);
  expect(loadFleet(join(dir, "none.yaml"))).toMatchObject({ problems: [expect.stringContaining("cannot read the fleet")] });
});

test("a wrong field of the tiers too", () => {
  expect(workProblems((text) => text)).toEqual([]);
  const problems = workProblems((text) =>
    text
      .replace("rounds: 3", "rounds: gauss:3")
      .replace("fail_share: 0.02", "fail_share: 2")
      .replace("max_tokens: 8192", "maxtokens: 8192"),
  );
  expect(problems).toEqual([
    expect.stringMatching(/^f.yaml:\d+: tiers.trivial.fail_share: '2': must be a number from 0 to 1$/),
    expect.stringMatching(/^f.yaml:\d+: tiers.standard.rounds: 'gauss:3': must be a number of 0 or more, or exp:MEAN/),
    expect.stringMatching(/^f.yaml:\d+: tiers.complex.maxtokens: unknown field; there are .*max_tokens/),
  ]);
  const long = (field: string) => workProblems((text) => text.replace(new RegExp(`${field}: .*`), `${field}: exp:86401`));
  for (const field of ["cpu_s", "wait_s", "tool_s"]) {
    expect(long(field)).toEqual([
      expect.stringMatching(`${field}: 'exp:86401': must be a number of 0 or more, or exp:MEAN.*may be up to 86400`),
    ]);
  }
  expect(workProblems((text) => text.replace(/share: 1\n/g, "share: 0\n"))).toEqual([
    expect.stringMatching(/tiers.trivial: one of trivial, standard, complex must have a share above 0/),
  ]);
});

/** Nine levels of nine aliases each: 400 bytes that come to 9⁹ texts. */
function aliasBomb(): string {
  const names = [..."abcdefghij"];
  const lines = names.slice(1).map((name, i) => `${name}: &${name} [${Array(9).fill(`*${names[i]}`).join(",")}]`);
  return ["a: &a [x,x,x,x,x,x,x,x,x]", ...lines, ""].join("\n");
}

function indented(levels: number): string {
  return Array.from({ length: levels }, (_, level) => `${" ".repeat(level)}a:\n`).join("");
}

test.each([
  ["aliases that multiply", aliasBomb(), /^f.yaml: Excessive alias count.*; write out what its aliases/],
  ["lists in lists", `a: ${"[".repeat(5_000)}${"]".repeat(5_000)}\n`, /^f.yaml:1: nested more than 50 levels deep$/],
  ["lists in lists, in lines", `a:\n  ${"- ".repeat(5_000)}x\n`, /^f.yaml:2: nested more than 50 levels deep$/],
  ["maps in maps, one too many", `a: ${"{a: ".repeat(50)}1${"}".repeat(50)}\n`, /^f.yaml: nested more than 50 levels deep$/],
  ["maps in maps, in lines", indented(300), /^f.yaml: nested more than 50 levels deep$/],
  ["maps in maps, in many lines", indented(1_000), /^f.yaml:402: nested more than 50 levels deep$/],
  ["a list that is in itself", "a: &a [*a]\n", /^f.yaml: nested more than 50 levels deep$/],
  ["a field twice", "name: a\nname: b\n", /^f.yaml:2: Map keys must be unique$/],
  ["two documents", "name: a\n---\nname: b\n", /^f.yaml:\d: .*multiple documents/],
  ["nothing", "", /f.yaml is empty/],
  ["a program", "\0\u0001\u0002", /f.yaml is empty, or was cut off/],
])("%s: refused in one line by every reader of YAML", (_, text, problem) => {
  for (const load of [loadFleet, loadWorkload]) {
    const problems = problemsOf(load, text);
    expect(problems[0]).toMatch(problem);
    expect(problems.filter((line) => line.includes("\n"))).toEqual([]);
  }
});

test("a text with blanks and dashes in it is no nesting", () => {
  const text = `${"-".repeat(60)} [[[ ${"- ".repeat(60)}`;
  expect(fleetProblems((file) => `${file}note: |\n ${text}\n ${" ".repeat(500)}${text}\n`)).toEqual([
    expect.stringContaining("note: unknown field"),
  ]);
});

test("Windows' line ends and byte order mark do not matter", () => {
  expect(fleetProblems((text) => `\uFEFF${text.replaceAll("\n", "\r\n")}`)).toEqual([]);
});

test.each([
  [
    "rounds: 3",
    "rounds: lognormal:1.34,50",
    "must be a number of 0 or more, or exp:MEAN, or lognormal:MEDIAN,SIGMA with SIGMA up to 4",
  ],
  ["rounds: 3", "rounds: 1e308", "the mean may be up to 1000"],
  ["rounds: 3", "rounds: .inf", "the mean may be up to 1000"],
  ["rounds: 3", "rounds: -3", "must be a number of 0 or more"],
  ["share: 1", "share: 1e-300", "share: must be 0, or a number from 0.000001 to 1000000"],
  ["completed_rows: 1000", "completed_rows: 1e308", "completed_rows: must be <= 1000000"],
  ["completed_rows: 1000", "completed_rows: .nan", "completed_rows: must be a whole number"],
  ["work: 0", "work: 1e308", "with up to 86400000 ms"],
  ["work: 0", "work: lognormal:1.34,50", "cannot read 'lognormal:1.34,50'"],
])("a number out of all proportion: %s as %s", (from, to, problem) => {
  const problems = workProblems((text) => text.replace(new RegExp(`^( *)${from.split(":")[0]}:.*$`, "m"), `$1${to}`));
  expect(problems.join("\n")).toContain(problem);
});
