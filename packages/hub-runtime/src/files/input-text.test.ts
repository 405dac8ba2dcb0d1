import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readInputText } from "./input-text.ts";

const dir = mkdtempSync(join(tmpdir(), "input-text-test-"));
afterAll(() => rmSync(dir, { recursive: true }));
const file = join(dir, "input");

function read(content: string | Buffer, maxBytes?: number) {
  writeFileSync(file, content);
  return readInputText(file, "", maxBytes);
}

test("text is read without its byte order mark, its line ends as they are", () => {
  expect(read("\uFEFFa\r\nä")).toEqual({ ok: true, text: "a\r\nä" });
});

test.each<[string, string | Buffer, RegExp]>([
  ["nothing", "", /input is empty, or was cut off/],
  ["blanks", " \n\t\n", /input is empty/],
  ["what a file system leaves of a file that was not synced", "\0\0\0\0", /input is empty, or was cut off/],
  ["Latin-1", Buffer.from([0x61, 0xe4, 0x62]), /input is not text in UTF-8/],
  ["UTF-16", Buffer.from("\uFEFFabc", "utf16le"), /input is not text in UTF-8/],
  ["a program", "a\nb\0c", /input is not text: it holds a NUL byte in line 2/],
])("%s is refused", (_, content, problem) => {
  expect(read(content)).toEqual({ ok: false, problem: expect.stringMatching(problem) });
});

test("what is larger than it may be is not read on", () => {
  expect(read("x".repeat(2 ** 20), 2 ** 20).ok).toBe(true);
  expect(read("x".repeat(2 ** 20 + 1), 2 ** 20)).toMatchObject({
    problem: expect.stringMatching(/input is larger than 1 MiB/),
  });
  expect(readInputText("/dev/zero", "", 2 ** 20)).toMatchObject({
    problem: expect.stringMatching(/zero is larger than 1 MiB/),
  });
});

test("folders and files that are not there", () => {
  mkdirSync(join(dir, "folder"));
  expect(readInputText(join(dir, "folder"), "the workload")).toMatchObject({
    problem: expect.stringMatching(/^cannot read the workload '.*folder': it is a folder, not a file$/),
  });
  expect(readInputText(join(dir, "none"))).toMatchObject({
    problem: expect.stringMatching(/^cannot read .*none: there is no such file$/),
  });
});
