import { readFileSync } from "node:fs";
import { conformanceCases } from "@hubscale/hub-runtime/testing";
import { describe, expect, test } from "vitest";
import { conformanceCommand } from "./conformance-command.ts";
import { casesAbout, casesByRow, rowsAsMarkdown } from "./conformance-rows.ts";
import { parseTarget } from "./conformance-target.ts";

const BASE = { list: false, json: false };

async function run(options: Partial<Parameters<typeof conformanceCommand>[0]>) {
  let stdout = "";
  let stderr = "";
  const code = await conformanceCommand(
    { ...BASE, ...options },
    { stdout: { write: (text) => (stdout += text) }, stderr: { write: (text) => (stderr += text) } },
  );
  return { code, stdout, stderr };
}

test("docs/conformance.md lists the rows that the cases cover", () => {
  const page = readFileSync(new URL("../../../../docs/conformance.md", import.meta.url), "utf8");
  const listed = /<!-- rows -->\n([\s\S]*?)\n<!-- end of rows -->/.exec(page)?.[1];
  // Out of date? `pnpm -s bench conformance --list` prints what belongs there.
  expect(listed).toBe(rowsAsMarkdown(conformanceCases));
});

test("no case is lost by grouping, and each has a name of its own", () => {
  const grouped = [...casesByRow(conformanceCases).values()].flat();
  expect(new Set(grouped)).toEqual(new Set(conformanceCases));
  expect(new Set(conformanceCases.map(({ name }) => name)).size).toBe(conformanceCases.length);
});

test("cases are found by their row and by their name", () => {
  expect(casesAbout("get /HEALTH", conformanceCases).map(({ name }) => name)).toEqual(["health is public"]);
  expect(casesAbout("health is public", conformanceCases).map(({ covers }) => covers)).toEqual(["GET /health"]);
});

describe("addresses", () => {
  test.each([
    ["ws://h:1", undefined, { ws: "ws://h:1/ws", http: "http://h:1" }],
    ["wss://h/x/ws", undefined, { ws: "wss://h/x/ws", http: "https://h" }],
    ["ws://h:1/ws", "https://g:2/", { ws: "ws://h:1/ws", http: "https://g:2" }],
  ])("%s and %s", (ws, http, value) => {
    expect(parseTarget(ws, http)).toEqual({ ok: true, value });
  });

  test.each([
    ["http://h:1", undefined, "--target"],
    ["h:1", undefined, "--target"],
    ["", undefined, "--target"],
    ["ws://h:1", "ws://h:1", "--http"],
    ["ws://h:1", "h", "--http"],
    ["ws://h:1", "", "--http"],
  ])("%s and %s are refused", (ws, http, flag) => {
    expect(parseTarget(ws, http)).toMatchObject({ ok: false, problem: expect.stringContaining(flag) });
  });
});

describe("bad flags end with 2 and one line, and nothing is tried", () => {
  test.each([
    [{}, "--target is missing"],
    [{ target: "nonsense" }, "--target"],
    [{ target: "ws://127.0.0.1:1", only: "no such case" }, "--only"],
    [{ target: "ws://127.0.0.1:1", tokenFile: "/no/such/file" }, "--token-file"],
  ])("%j", async (options, problem) => {
    const { code, stdout, stderr } = await run(options);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(problem);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});

test("a hub that cannot be reached is said in one line", async () => {
  const { code, stdout, stderr } = await run({ target: "ws://127.0.0.1:2/ws" });
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(/no hub answers at http:\/\/127.0.0.1:2 \(connect ECONNREFUSED 127.0.0.1:2\)/);
});
