import { expect, test } from "vitest";
import { parseSlo } from "./slo.ts";

test.each([
  ["assign.p99 < 100ms", { stage: "assign", quantile: "p99", boundMs: 100 }],
  ["submit.p99<1.5s", { stage: "submit", quantile: "p99", boundMs: 1500 }],
])("reads %s", (text, slo) => expect(parseSlo(text)).toEqual(slo));

test.each(["assign.p99 < 100", "assign.p95 < 100ms", "assign.p99 < 0ms", "fast", ""])("refuses '%s'", (text) => {
  expect(parseSlo(text)).toBeUndefined();
});
