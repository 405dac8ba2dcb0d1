import { LIMITS } from "@hubscale/protocol";
import { expect, test } from "vitest";
import { parsedJson } from "./parsed-json.ts";

const nested = (depth: number, inner = "") => "[".repeat(depth) + inner + "]".repeat(depth);

test.each([
  ["as deep as allowed", nested(LIMITS.jsonDepth)],
  ["as deep as allowed, several times", `[${Array.from({ length: 9 }, () => nested(LIMITS.jsonDepth - 1)).join()}]`],
  ["brackets in strings", JSON.stringify({ text: "[".repeat(5_000) })],
  ["brackets and quotes in strings", JSON.stringify({ text: '["\\'.repeat(3_000), more: ["\\", '"', "{".repeat(3_000)] })],
])("%s is read", (_name, text) => {
  expect(JSON.stringify(parsedJson(text))).toBe(text);
});

test.each([
  ["arrays", nested(LIMITS.jsonDepth + 1)],
  ["objects", '{"a":'.repeat(LIMITS.jsonDepth + 1) + "1" + "}".repeat(LIMITS.jsonDepth + 1)],
  ["a whole frame of brackets", nested(LIMITS.payloadBytes / 2)],
  ["behind a string that ends in a backslash", `["x\\\\",${nested(LIMITS.jsonDepth)}]`],
])("%s too deep are refused", (_name, text) => {
  expect(() => parsedJson(text)).toThrow("levels deep");
});

test.each(["", "{", '"', nested(600).slice(1), "[".repeat(400) + '"'.repeat(999)])("what is no JSON is refused", (text) => {
  expect(() => parsedJson(text)).toThrow(SyntaxError);
});
