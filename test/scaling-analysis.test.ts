/** docs/scaling-analysis.md is what the command writes from the committed results, and every footnote leads to a field. */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fieldAt, readResultFolder, renderAnalysis } from "hubscale/analysis";
import { afterAll, describe, expect, it } from "vitest";
import { runBench } from "./compare/bench-program.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const FROM = "docs/results/recorded";
const page = readFileSync(`${root}docs/scaling-analysis.md`, "utf8");

describe("docs/scaling-analysis.md", () => {
  it("is what the committed results say", () => {
    const read = readResultFolder(`${root}${FROM}`);
    if (!read.ok) throw new Error(read.problems.join("\n"));
    expect(page, `pnpm bench analysis ${FROM} --out docs/scaling-analysis.md writes it anew`).toBe(
      renderAnalysis(read.folder, FROM),
    );
  });

  it("names a field that is there in every footnote with a file, and marks every footnote in the text", () => {
    const files = new Map(
      readdirSync(`${root}${FROM}`)
        .filter((name) => name.endsWith(".json"))
        .map((name) => [name, JSON.parse(readFileSync(`${root}${FROM}/${name}`, "utf8")) as unknown]),
    );
    const [text = "", notes = ""] = page.split("## Footnotes");
    let fields = 0;
    for (const [, mark, note = ""] of notes.matchAll(/^\[\^(\d+)\]: (.*)$/gm)) {
      expect(text, `footnote ${mark}`).toContain(`[^${mark}]`);
      const [, file] = /^`([\w.-]+\.json)`: /.exec(note) ?? [];
      if (file === undefined) continue;
      for (const [, path = ""] of note.slice(file.length + 4).matchAll(/`([^`]+)`/g)) {
        fields++;
        expect(fieldAt(files.get(file), path), `${file}: ${path}`).not.toBe(undefined);
      }
    }
    expect(fields).toBeGreaterThan(50);
  });
});

describe("bench analysis", () => {
  const folder = mkdtempSync(join(tmpdir(), "hubscale-analysis-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("says of each file that is missing which command makes it", async () => {
    copyFileSync(`${root}${FROM}/stubs.json`, join(folder, "stubs.json"));
    const { code, stdout } = await runBench(["analysis", folder]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/random fleets within 10 %/);
    for (const command of ["compare", "ladder", "bytes", "gpu", "fleet", "faults"]) {
      expect(stdout).toMatch(new RegExp(`is not among these results. \`pnpm (--silent )?bench ${command}`));
    }
    expect(stdout).not.toMatch(/undefined|NaN|\[object/);
  });

  it("writes the hubs' evidence, which is what the program ships", async () => {
    const file = join(folder, "hubs.json");
    expect((await runBench(["analysis", `${root}${FROM}`, "--evidence", file])).code).toBe(0);
    const shipped = readFileSync(`${root}packages/bench/calibration/recorded-hubs.json`, "utf8");
    expect(JSON.parse(shipped), "decision 0066 has the command that writes it anew").toEqual(
      JSON.parse(readFileSync(file, "utf8")),
    );
    expect(await runBench(["analysis", folder, "--evidence", file])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/cannot read .*results\.json/) as unknown,
    });
  });

  it("refuses a folder without results, and a file of something else, with exit code 2", async () => {
    expect(await runBench(["analysis", join(folder, "nowhere")])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/has none of results.json, .*bench compare/) as unknown,
    });
    writeFileSync(join(folder, "ladder.json"), "{}");
    expect(await runBench(["analysis", folder])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/ladder.json has schema 'undefined'; 'hubscale.ladder\/1' is wanted/) as unknown,
    });
  });
});
