import { spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { writeWholeFile } from "./whole-file.ts";

const dir = mkdtempSync(join(tmpdir(), "whole-file-test-"));
afterAll(() => rmSync(dir, { recursive: true }));

test("a file is replaced, with the mode that was asked for, and nothing is left beside it", () => {
  const file = join(dir, "tokens.json");
  writeWholeFile(file, "old", { mode: 0o600 });
  writeWholeFile(file, "new ä", { mode: 0o600 });
  expect(readFileSync(file, "utf8")).toBe("new ä");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(dir)).toEqual(["tokens.json"]);
});

test("a link stays, and the file that it names is replaced; a device is written to", () => {
  const folder = join(dir, "linked");
  mkdirSync(folder);
  writeWholeFile(join(folder, "results.json"), "old");
  symlinkSync("results.json", join(folder, "latest.json"));
  writeWholeFile(join(folder, "latest.json"), "new");
  expect(lstatSync(join(folder, "latest.json")).isSymbolicLink()).toBe(true);
  expect(readFileSync(join(folder, "results.json"), "utf8")).toBe("new");
  writeWholeFile("/dev/null", "gone");
  expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
  rmSync(folder, { recursive: true });
});

test("where it cannot be written the old one stays and nothing is left beside it", () => {
  const folder = join(dir, "folder");
  mkdirSync(join(folder, "taken"), { recursive: true });
  expect(() => writeWholeFile(join(folder, "taken"), "new")).toThrow(/EISDIR/);
  expect(readdirSync(folder)).toEqual(["taken"]);
});

const hasStrace = spawnSync("strace", ["-V"]).status === 0;

test.skipIf(!hasStrace)("the content is synced before the rename, and the rename after it", () => {
  const module = fileURLToPath(new URL("../../dist/files/whole-file.js", import.meta.url));
  const file = join(dir, "run.json");
  const script = `import(${JSON.stringify(module)}).then((files) => files.writeWholeFile(${JSON.stringify(file)}, "{}"))`;
  const { stderr } = spawnSync("strace", ["-f", "-y", "-e", "trace=fsync,rename", process.execPath, "-e", script], {
    encoding: "utf8",
  });
  const calls = [...stderr.matchAll(/(fsync|rename)\((?:\d+<)?"?([^">]+)/g)].map(([, call, path]) => `${call} ${path}`);
  expect(calls).toEqual([`fsync ${file}.partial`, `rename ${file}.partial`, `fsync ${dir}`]);
});
