import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EDGE_FLAGS, edgeFlagsOf, edgeSecurityOf } from "./edge-flags.ts";

const parse = (...args: string[]) => edgeFlagsOf(parseArgs({ args, options: EDGE_FLAGS }).values);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "edge-flags-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

test("by default everybody may register, and link-local endpoints are not polled", async () => {
  expect(await edgeSecurityOf(parse())).toEqual({
    registration: { mode: "open" },
    maxConnections: undefined,
    allowLinkLocalEndpoints: false,
  });
});

test("the registration token is the file's content without the line's end", async () => {
  const token = "a1".repeat(16);
  const path = await file("good", `${token}\n`);
  const { registration } = await edgeSecurityOf(parse("--registration", "token", "--registration-token-file", path));
  expect(registration).toEqual({ mode: "token", token });
});

test.each([
  ["empty", ""],
  ["short", "secret\n"],
  ["binary", `${"a1".repeat(16)}\0`],
  ["several", `${"a1".repeat(16)} ${"b2".repeat(16)}`],
])("a token file that is %s is refused, without telling its content", async (name, content) => {
  const flags = parse("--registration", "token", "--registration-token-file", await file(name, content));
  await expect(edgeSecurityOf(flags)).rejects.toThrow("must hold one token of at least 32 characters");
});

test("a token file that is not there is refused", async () => {
  const flags = parse("--registration", "token", "--registration-token-file", join(folder, "missing"));
  await expect(edgeSecurityOf(flags)).rejects.toThrow("cannot be read");
});

describe("flags that are refused", () => {
  test.each([
    [["--registration", "maybe"], "must be open, token or closed"],
    [["--registration", "token"], "needs --registration-token-file"],
    [["--registration-token-file", "x"], "goes with --registration token"],
    [["--registration", "closed", "--registration-token-file", "x"], "goes with --registration token"],
    [["--max-connections", "0"], "--max-connections"],
    [["--max-connections", "many"], "--max-connections"],
    [["--max-connections", ""], "--max-connections"],
  ])("%j", (args, message) => {
    expect(() => parse(...args)).toThrow(message);
  });
});
