import { describe, expect, it } from "vitest";
import { parseDistribution } from "./random.ts";

describe("parseDistribution", () => {
  it.each([
    ["250", { kind: "constant", value: 250 }],
    ["constant:0", { kind: "constant", value: 0 }],
    ["exp:1.5", { kind: "exponential", mean: 1.5 }],
    [" lognormal:252,1.208 ", { kind: "lognormal", median: 252, sigma: 1.208 }],
  ])("reads '%s'", (text, distribution) => {
    expect(parseDistribution(text)).toEqual(distribution);
  });

  it.each([
    "",
    "x",
    "-1",
    "exp:",
    "exp:1,2",
    "lognormal:250",
    "lognormal:0,1",
    "lognormal:1.34,50",
    "lognormal:250,x",
    "normal:1,2",
    "Infinity",
  ])("refuses '%s'", (text) => {
    expect(parseDistribution(text)).toBeUndefined();
  });
});
