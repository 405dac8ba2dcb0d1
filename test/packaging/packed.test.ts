/** What a user gets: the packed packages in a project that knows nothing of this workspace. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { SAMPLE } from "../browser/sample-result.ts";
import { EmptyProject, type PackedPackage } from "./empty-project.ts";

const project = new EmptyProject();
let packed: PackedPackage[] = [];

beforeAll(() => {
  packed = project.installPacked();
});
afterAll(() => project.remove());

const npx = (...args: string[]) => project.run("npx", ["--no-install", ...args]);

it("has all packages, as compiled code without its sources, tests and build state", () => {
  expect(packed).toHaveLength(8);
  for (const { tarball } of packed) {
    const files = project.run("tar", ["-tzf", tarball]).stdout.split("\n");
    expect(files).toContain("package/LICENSE");
    expect(files).toContain("package/dist/index.js");
    expect(files).toContain("package/dist/index.d.ts");
    const stray = files.filter((name) => /\.map$|\.tsbuildinfo$|\.test\.|^package\/src|(?<!\.d)\.ts$/.test(name));
    expect(stray).toEqual([]);
  }
});

it("opens each door of each package", () => {
  const doors = packed.flatMap(({ name }) => {
    const manifest = readFileSync(join(project.folder, "node_modules", name, "package.json"), "utf8");
    const { exports } = JSON.parse(manifest) as { exports: Record<string, unknown> };
    // The other doors; a program would start when it is imported.
    return Object.keys(exports)
      .filter((door) => !door.endsWith("main"))
      .map((door) => name + door.slice(1));
  });
  expect(doors.length).toBeGreaterThan(packed.length);
  project.write("doors.js", doors.map((door) => `await import(${JSON.stringify(door)});`).join("\n"));
  const { status, stderr } = project.run(process.execPath, ["doors.js"]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});

it("tells with `npx hubscale doctor` what the machine can measure", () => {
  const { status, stdout } = npx("hubscale", "doctor", "--offline", "--json");
  expect(status).toBe(0);
  const { schema, findings } = JSON.parse(stdout) as { schema: string; findings: { what: string }[] };
  expect(schema).toBe("hubscale.doctor/1");
  expect(findings.length).toBeGreaterThan(10);
});

it("calls itself as it was called", () => {
  const { status, stdout } = npx("hubscale", "compare", "--help");
  expect(status).toBe(0);
  expect(stdout).toContain("Usage: hubscale compare [options]");
  expect(npx("hubscale", "comparee").status).toBe(2);
});

it("measures a hub: hub, generator and watchdog start as processes of their own from the installed files", () => {
  const load = ["--rate", "20", "--seconds", "1", "--isolation", "none", "--json", "--no-progress"];
  const { status, stdout, stderr } = npx("hubscale", "run", "--hub", "single-tuned", ...load);
  expect({ status, stderr }).toMatchObject({ status: 0 });
  const { hub } = JSON.parse(stdout) as { hub: { history: Record<string, number> } };
  expect(hub.history).toMatchObject({ lost: 0, duplicated: 0 });
  expect(hub.history["completed"]).toBeGreaterThan(0);
});

it("writes a report whose page has the model in it", () => {
  project.write("sample.json", JSON.stringify(SAMPLE));
  project.write(
    "report.js",
    `import { readResult, writeReport } from "hubscale/report"; writeReport("out", readResult("sample.json").result);`,
  );
  const { status, stderr } = project.run(process.execPath, ["report.js"]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  // The model's code, bundled from the installed files; the page alone has 100 KB less.
  expect(readFileSync(join(project.folder, "out", "report.html")).byteLength).toBeGreaterThan(150_000);
});
