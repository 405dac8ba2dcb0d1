import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TSchema } from "typebox";
import { afterAll, expect, test } from "vitest";
import { analysisCommand } from "../analysis/analysis-command.ts";
import { RESULT_FILES } from "../analysis/result-folder.ts";
import { readCalibration } from "../calibrate/calibration-file.ts";
import { diffCommand } from "../diff/diff-command.ts";
import { EXIT } from "../exit-codes.ts";
import { evidenceFrom, withFaults } from "../fleet/hub-evidence-file.ts";
import { type FileKind, readResultFile } from "./result-file.ts";
import { readResult } from "./stored-result.ts";

const dir = mkdtempSync(join(tmpdir(), "result-file-test-"));
afterAll(() => rmSync(dir, { recursive: true }));

const results = fileURLToPath(new URL("../../../../docs/results", import.meta.url));
/** The smaller ones. */
const recorded = (name: string) => join(results, name === "results.json" ? "nodes-nats" : "recorded", name);
type Json = Record<string, unknown>;
const parsed = (file: string) => JSON.parse(readFileSync(file, "utf8")) as Json;
const kinds: (FileKind<TSchema> & { file: string })[] = Object.values(RESULT_FILES);

function written(name: string, text: string): string {
  const file = join(dir, name);
  writeFileSync(file, text);
  return file;
}

test("every recorded result is read", { timeout: 30_000 }, () => {
  const files = readdirSync(results).flatMap((folder) =>
    kinds.map(({ file, ...kind }) => ({ path: join(results, folder, file), kind })),
  );
  const there = files.filter(({ path }) => existsSync(path));
  expect(there.length).toBeGreaterThan(kinds.length);
  for (const { path, kind } of there) {
    expect(readResultFile(path, kind)).toMatchObject({ ok: true, value: { schema: kind.name } });
  }
});

test("a result of an earlier version is read, whose trials and hubs had fewer fields", () => {
  const result = parsed(join(results, "nodes-redis", "results.json"));
  for (const hub of result.hubs as Json[]) {
    for (const late of ["capacityNotes", "quantityTrials", "unknown", "warmUp", "linearity"]) delete hub[late];
    for (const trial of hub["trials"] as Json[]) {
      const late = [
        "observedMs",
        "observedServiceMs",
        "histograms",
        "endedEarly",
        "owed",
        "loopUtilisation",
        "resourcesByRole",
      ];
      for (const name of [...late, "wallSeconds", "referenceMs", "othersCores"]) delete trial[name];
    }
  }
  for (const late of ["floor", "model", "scaling", "realHub", "fleet", "walls", "resumed"]) delete result[late];
  result["ofALaterVersion"] = 1;
  expect(readResult(written("early.json", JSON.stringify(result)))).toMatchObject({ ok: true });
});

test.each(kinds)(
  "$file: what is no such file is refused in one line that names it, and says what to do",
  ({ file, ...kind }) => {
    const text = readFileSync(recorded(file), "utf8");
    const first = Object.keys(parsed(recorded(file))).find((name) => name !== "schema") as string;
    const wrong: [string, RegExp][] = [
      ["", /is empty, or was cut off/],
      ["null", /has schema 'undefined'; 'hubscale\.[\w/-]+' is wanted/],
      ["[1]", /has schema 'undefined'/],
      [text.slice(0, -3), /the JSON is cut off here/],
      [text.replace(/"hubscale\.[\w-]+\/1"/, '"hubscale.other/9"'), /has schema 'hubscale.other\/9'/],
      [text.replace(`"${first}"`, '"gone"'), new RegExp(`${first}: is missing`)],
      [text.replace(`"${first}":`, `"${first}": {}, "${first}":`), new RegExp(`the field ${first} is there twice`)],
      [
        text.replace(/("schema":\s*"[^"]+")/, `$1, "deep": ${"[".repeat(200)}${"]".repeat(200)}`),
        /nested more than 100 levels/,
      ],
      [`${text.slice(0, 30)}\0${text.slice(30)}`, /is not text: it holds a NUL byte/],
    ];
    for (const [content, problem] of wrong) {
      const path = written(file, content);
      const read = readResultFile(path, kind);
      expect(read).toEqual({ ok: false, problem: expect.stringMatching(problem) });
      expect(read.ok ? "" : read.problem).toMatch(
        new RegExp(`^(cannot read )?${path}[^\\n]*; take the file from a copy, or .*pnpm[^\\n]*$`),
      );
    }
    rmSync(join(dir, file));
    mkdirSync(join(dir, file));
    expect(readResultFile(join(dir, file), kind)).toMatchObject({
      problem: expect.stringMatching(/it is a folder, not a file/),
    });
    rmSync(join(dir, file), { recursive: true });
  },
);

/** A field by its path, `hubs.0.id`; a value in place of it, or no field. */
function changed(file: string, path: string, ...value: unknown[]): string {
  const whole = parsed(file);
  const keys = path.split(".");
  const parent = keys.slice(0, -1).reduce((at, key) => at[key] as Json, whole);
  const last = keys.at(-1) as string;
  if (value.length === 0) delete parent[last];
  else parent[last] = value[0];
  return JSON.stringify(whole, null, 1);
}

const streams = () => {
  let said = "";
  const write = (text: string) => {
    said += text;
  };
  return { stdout: { write }, stderr: { write }, said: () => said };
};

test.each<[string, unknown[], RegExp]>([
  ["hubs", [], /:\d+: hubs: is missing/],
  ["hubs", [3], /:\d+: hubs: must be a list/],
  ["hubs.0", [null], /:\d+: hubs.0: must be a map of fields/],
  ["hubs.0.capacity", [], /:\d+: hubs.0.capacity: is missing/],
  ["hubs.0.capacity.tasksPerSec", ["many"], /hubs.0.capacity.tasksPerSec: must be a map of fields, or must be null/],
  ["hubs.0.capacity.tasksPerSec.low", [], /tasksPerSec.low: is missing/],
  ["hubs.0.capacity.tasksPerSec.value", [1e308], /tasksPerSec.value: must be <= 1000000000000000/],
  ["hubs.0.capacity.tasksPerSec.value", [0], /tasksPerSec.value: must be > 0/],
  ["hubs.0.history.lost", [-1], /hubs.0.history.lost: must be >= 0/],
  ["hubs.0.history.lost", [0.5], /hubs.0.history.lost: must be a whole number/],
  ["hubs.0.trials.0.outcome", ["kept"], /trials.0.outcome: must be one of held, missed, invalid/],
  ["hubs.0.perTask.hub.cpuMs.n", ["3"], /perTask.hub.cpuMs.n: must be a whole number/],
  ["decision.cost", [], /decision.cost: is missing/],
  ["isolation.coresPerMachine", [0], /isolation.coresPerMachine: must be > 0/],
  ["environment.commit", [{ hash: 7 }], /environment.commit/],
  ["startedAt", ["yesterday"], /startedAt: must match pattern/],
])("a results.json with %s as %j: every command that reads it ends with 2 and one line", async (path, value, problem) => {
  const file = written("results.json", changed(recorded("results.json"), path, ...value));
  const diff = streams();
  expect(diffCommand(recorded("results.json"), file, { force: true, margin: 0.05, json: false }, diff)).toBe(EXIT.usage);
  const analysis = streams();
  expect(analysisCommand(dir, {}, { ...analysis, cwd: dir })).toBe(EXIT.usage);
  const evidence = evidenceFrom(file);
  for (const said of [diff.said(), analysis.said(), `hubscale: ${evidence.ok ? "" : evidence.problem}\n`]) {
    expect(said).toMatch(problem);
    expect(said.trimEnd().split("\n")).toHaveLength(1);
  }
});

test("a faults file and a calibration with a wrong field too", () => {
  const faults = written("faults.json", changed(recorded("faults.json"), "hubs.0.byKind.0.recoverySeconds", "soon"));
  const known = { source: "recorded" as const, from: "", hubs: [], fixes: [] };
  expect(withFaults(known, faults)).toMatchObject({
    ok: false,
    problem: expect.stringMatching(/hubs.0.byKind.0.recoverySeconds: must/),
  });
  const shipped = fileURLToPath(new URL("../../calibration/recorded.json", import.meta.url));
  expect(readCalibration(shipped)).toMatchObject({ ok: true });
  const calibration = written("calibration.json", changed(shipped, "sizes.0.appendSyncMs.high", null));
  expect(readCalibration(calibration)).toMatchObject({
    problem: expect.stringMatching(/sizes.0.appendSyncMs.high: must be a number/),
  });
});
