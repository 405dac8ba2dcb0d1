import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadWorkload, longWorkMs, type Workload } from "./workload.ts";

const dir = mkdtempSync(join(tmpdir(), "workload-test-"));
afterAll(() => rmSync(dir, { recursive: true }));

function problemsOf(change: (text: string) => string): string[] {
  const shipped = loadWorkload("steady");
  if (!shipped.ok) throw new Error(shipped.problems.join("\n"));
  const file = join(dir, "w.yaml");
  writeFileSync(file, change(readFileSync(shipped.file, "utf8")));
  const loaded = loadWorkload(file);
  return loaded.ok ? [] : loaded.problems.map((p) => p.replace(dir, ""));
}

test("the shipped workloads are valid", () => {
  expect(problemsOf((text) => text)).toEqual([]);
  expect(loadWorkload("streaming")).toMatchObject({ ok: true, workload: { streaming: true, agents: 50 } });
});

test.each(["steady", "burst", "backlog", "history", "streaming", "presence", "broadcast", "reconnect", "mixed"])(
  "the scenario %s is shipped, and names its SLO",
  (name) => {
    const loaded = loadWorkload(name);
    expect(loaded).toMatchObject({ ok: true, workload: { name, slo: expect.stringContaining("<") } });
  },
);

test("a trace is read from beside the workload, and its mistakes are named with their line", () => {
  writeFileSync(join(dir, "day.txt"), "# ms\n0\n12.5\n12.5\n400\n");
  const change = (text: string) => text.replace("arrivals: poisson", "arrivals: trace:day.txt");
  expect(problemsOf(change)).toEqual([]);
  expect(loadWorkload(join(dir, "w.yaml"))).toMatchObject({
    workload: { arrivals: { kind: "trace", offsetsMs: [0, 12.5, 12.5, 400] } },
  });
  writeFileSync(join(dir, "day.txt"), "0\n20\n10\n");
  expect(problemsOf(change).join()).toMatch(/day.txt:3: '10' is no time in ms, or before the one above it/);
  expect(problemsOf((text) => text.replace("arrivals: poisson", "arrivals: bursts:1")).join()).toMatch(/bursts:20/);
});

test.each([
  [250, 250],
  ["exp:100", 460.5],
  ["lognormal:100,0.5", 320],
])("99 in 100 tasks of work %s take at most %d ms", (work, ms) => {
  expect(Math.abs(longWorkMs({ work } as Workload) - ms)).toBeLessThan(1);
});

test("a wrong value is named with its line and what is allowed", () => {
  expect(problemsOf((text) => text.replace("poisson", "gauss"))).toEqual([
    "/w.yaml:9: arrivals: cannot read 'gauss'; write poisson, constant, bursts:SIZE, or trace:FILE",
  ]);
});

test("a misspelt and a missing field are both named", () => {
  const problems = problemsOf((text) => text.replace("metadata_bytes", "metadatabytes"));
  expect(problems.join("\n")).toMatch(/w.yaml:\d+: task.metadata_bytes: is missing/);
  expect(problems.join("\n")).toMatch(/w.yaml:16: task.metadatabytes: unknown field/);
});

test("an unreadable SLO says how to write one", () => {
  expect(problemsOf((text) => text.replace("< 100ms", "about right"))[0]).toMatch(/w.yaml:4: slo: .*assign\.p99 < 100ms/);
});

test("an unreadable work time too", () => {
  expect(problemsOf((text) => text.replace("work: 0", "work: gauss:3"))[0]).toMatch(/w.yaml:12: work: cannot read 'gauss:3'/);
  for (const work of ["3000000000", "exp:1e12", "lognormal:250,50"]) {
    expect(problemsOf((text) => text.replace("work: 0", `work: ${work}`))[0]).toMatch(
      /w.yaml:12: work: .* with up to 86400000 ms/,
    );
  }
});

test("a file that is not there", () => {
  const loaded = loadWorkload(join(dir, "none.yaml"));
  expect(loaded).toMatchObject({ ok: false, problems: [expect.stringContaining("cannot read the workload")] });
});
