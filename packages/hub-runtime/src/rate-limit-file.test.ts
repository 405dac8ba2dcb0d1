import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { InputFileError } from "./files/index.ts";
import { rateLimitsOf } from "./rate-limit-file.ts";
import { REFERENCE_RATE_LIMITS } from "./rate-limiter.ts";

const dir = mkdtempSync(join(tmpdir(), "rate-limit-file-test-"));
afterAll(() => rmSync(dir, { recursive: true }));
const file = join(dir, "limits.json");

function read(text: string) {
  writeFileSync(file, text);
  return rateLimitsOf(file);
}

test("what a file leaves out is as on the reference hub; Windows' line ends and byte order mark do not matter", async () => {
  const light = { capacity: 5, refillPerMin: 7.5 };
  expect(await read(`\uFEFF{"defaults":\r\n{"light": ${JSON.stringify(light)}}, "whitelist": ["a"]}`)).toEqual({
    defaults: { ...REFERENCE_RATE_LIMITS.defaults, light },
    overrides: {},
    whitelist: ["a"],
  });
});

test.each([
  ["", /limits.json is empty/],
  ["{", /limits.json:1: the JSON is cut off here/],
  ["[]", /limits.json:1: the file must be a JSON object/],
  ['{"default": {}}', /limits.json:1: default is an unknown field; there are defaults, overrides, whitelist/],
  ['{"whitelist": [1]}', /limits.json:1: whitelist must be a list of agent ids/],
  ['{"defaults": {},\n"defaults": {}}', /limits.json:2: the field defaults is there twice/],
  ['{"defaults": {"lite": {}}}', /defaults.lite is an unknown field; there are light, normal, heavy/],
  ['{"defaults": {"light": {"capacity": 1, "refillPerMin": 1, "refill": 1}}}', /light.refill is an unknown field/],
  ['{"defaults": {"light":\n {"capacity": 1}}}', /:1: defaults.light.refillPerMin must be a number above 0/],
  ['{"overrides": {"a": {"light":\n {"capacity": 1e308,\n "refillPerMin": 1}}}}', /:2: overrides.a.light.capacity must be/],
  ['{"overrides": {"a": {"light": {"capacity": 1e999, "refillPerMin": 1}}}}', /overrides.a.light.capacity must be/],
  ['{"overrides": {"a": {"light": {"capacity": -1, "refillPerMin": 1}}}}', /overrides.a.light.capacity must be/],
  ['{"overrides": {"a": {"light": {"capacity": "1", "refillPerMin": 1}}}}', /overrides.a.light.capacity must be/],
])("%j is refused", async (text, problem) => {
  await expect(read(text)).rejects.toThrow(InputFileError);
  await expect(read(text)).rejects.toThrow(problem);
});
