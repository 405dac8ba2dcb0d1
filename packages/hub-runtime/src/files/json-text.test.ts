import { expect, test } from "vitest";
import { JSON_DEPTH_MAX, parseJsonText } from "./json-text.ts";

const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

test.each([
  ["the same field in several objects", '{"a": 1,\n "b": {"a": 2}, "c": [{"a": 3}, {"a": 4}]}'],
  ["quotes and braces in strings", '{"a\\"": 1, "a": "x\\\\", "b": "{,\\"a\\":"}'],
  ["an empty list", "[]"],
  ["a bare number", "3"],
])("%s: read", (_, text) => {
  expect(parseJsonText(text)).toMatchObject({ ok: true, value: JSON.parse(text) });
});

test.each([
  ["a field twice", '{"a": 1,\n "a": 2}', 2, "the field a is there twice"],
  ["one twice below", '{"a": {"b": 1, "c": [], "b": 2}}', 1, "the field a.b is there twice"],
  ["one that is written in two ways", '[{"a": 1},\n{"a": 1, "\\u0061": 2}]', 2, "the field 1.a is there twice"],
  ["a list without its end", '{"a": [1,\n', 2, "the JSON is cut off here"],
  ["an object without a field", "{", 1, "the JSON is cut off here"],
  ["a string without its end", '{"a": "b', 1, "the JSON is cut off here"],
  ["a level too many", nested(JSON_DEPTH_MAX + 1), 1, "nested more than 100 levels deep"],
  ["a hundred thousand levels", nested(1e5), 1, "nested more than 100 levels deep"],
])("%s: refused", (_, text, line, problem) => {
  expect(parseJsonText(text)).toEqual({ ok: false, line, problem });
});

test("what is no JSON says so in one line", () => {
  expect(parseJsonText("a:\n b")).toMatchObject({ ok: false, problem: expect.stringMatching(/^not JSON: .+$/) });
});

test.each([
  [["a"], 2],
  [["b", 0], 4],
  [["b", 1, "c"], 7],
  [["b", 1, "missing"], 6],
  [["b", 9], 3],
  [["none"], 1],
])("the line of %j is %i", (path, line) => {
  const parsed = parseJsonText('{\n"a": 1,\n"b": [\n{"c": 1,\n"a": 5},\n{"x": [1, [2]],\n"c": 2}]}');
  expect(parsed.ok && parsed.lineOf(path)).toBe(line);
});
