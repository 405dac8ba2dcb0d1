import { expect, test } from "vitest";
import { openFileCount, openFileLimit, parseOpenFileLimit } from "./open-files.ts";

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units
Max processes             95906                95906                processes
Max open files            20000                20001                files
Max locked memory         8388608              8388608              bytes
`;

test("reads the limit that counts, and knows when there is none", () => {
  expect(parseOpenFileLimit(LIMITS)).toBe(20_000);
  expect(parseOpenFileLimit(LIMITS.replace("20000", "unlimited"))).toBeUndefined();
  expect(openFileLimit("darwin")).toBeUndefined();
  expect(openFileCount("darwin")).toBeUndefined();
});
