import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readTokens, writeTokens } from "./token-file.ts";

const dir = mkdtempSync(join(tmpdir(), "token-file-test-"));
afterAll(() => rmSync(dir, { recursive: true }));

test("tokens come back as written, readable by their owner only", async () => {
  const path = join(dir, "tokens.json");
  expect(await readTokens(path)).toEqual(new Map());
  const tokens = new Map([["sim-0", "ab"]]);
  await writeTokens(path, tokens);
  expect(await readTokens(path)).toEqual(tokens);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test.each(["", "[]", "null", '{"sim-0":7}', '{"sim-0":"a","sim-0":"b"}', '{"sim-0":"', "\0\0"])(
  "a file with %j is refused by its name",
  async (text) => {
    const path = join(dir, "other.json");
    writeFileSync(path, text);
    await expect(readTokens(path)).rejects.toThrow("other.json is not a token file");
  },
);
