import { describe, expect, it } from "vitest";
import { assessComplexity, complexitySignals } from "./complexity.ts";

const words = (count: number) => Array.from({ length: count }, (_, index) => `w${index}`).join(" ");
const files = (count: number) => Array.from({ length: count }, (_, index) => ({ path: `src/${index}.ts` }));
const steps = (count: number) => Array.from({ length: count }, (_, index) => ({ type: "file_exists", target: `${index}` }));
const infer = (description: string, fileCount = 0, stepCount = 0) =>
  assessComplexity({ description, file_hints: files(fileCount), verification_steps: steps(stepCount) }).inferred;

describe("inferred tier", () => {
  it.each([
    // description, files, steps, tier, confidence
    ["short without a keyword is standard, never trivial", words(9), 0, 0, "standard", 0],
    ["10 words vote standard", words(10), 0, 0, "standard", 1 / 3],
    ["50 words vote standard", words(50), 1, 0, "standard", 2 / 3],
    ["51 words vote complex, one vote is not enough", words(51), 1, 1, "standard", 2 / 3],
    ["one vote each: a tie is standard", words(51), 1, 0, "standard", 1 / 3],
    ["complex by words and files", words(51), 4, 0, "complex", 2 / 3],
    ["complex by files and steps", words(3), 4, 4, "complex", 2 / 3],
    ["3 files and 3 steps are standard", words(3), 3, 3, "standard", 2 / 3],
    ["a complex keyword wins over small counts", "Refactor it", 0, 0, "complex", 1 / 4],
    ["a complex keyword wins over a trivial one", "fix typo in the SECURITY page", 0, 0, "complex", 1 / 4],
    ["a trivial keyword", "fix typo", 0, 0, "trivial", 1],
    ["a trivial keyword up to 3 files and 3 steps", "rename it", 3, 3, "trivial", 2 / 4],
    ["a trivial keyword with 4 files", "rename it", 4, 0, "standard", 0],
    ["a trivial keyword with 4 steps", "rename it", 0, 4, "standard", 0],
    ["a trivial keyword with 4 files and 4 steps", "rename it", 4, 4, "complex", 2 / 3],
    ["keywords are whole words", "add information about reformatting", 0, 0, "standard", 0],
    ["a keyword at the end with punctuation", "please lint.", 0, 0, "trivial", 1],
    ["a keyword of two words", "Version bump of the parser", 0, 0, "trivial", 1],
    ["nothing known", "   ", 0, 0, "unknown", 0],
    ["no words, but a file", "  ", 1, 0, "standard", 1 / 3],
  ] as const)("%s", (_, description, fileCount, stepCount, tier, confidence) => {
    expect(infer(description, fileCount, stepCount)).toEqual({ tier, confidence });
  });

  it.each(["refactor", "architect", "migration", "redesign", "migrate", "security", "overhaul", "rewrite"])(
    "%s is a complex keyword",
    (keyword) => {
      expect(infer(`do the ${keyword} now`).tier).toBe("complex");
    },
  );

  it.each(["fix typo", "update readme", "bump version", "rename", "typo", "format", "lint", "version bump"])(
    "%s is a trivial keyword",
    (keyword) => {
      expect(infer(`please ${keyword} now`).tier).toBe("trivial");
    },
  );
});

describe("effective tier", () => {
  it("is the explicit one, with the inferred one kept beside it", () => {
    expect(assessComplexity({ description: "echo something", complexity_tier: "trivial" })).toEqual({
      effective_tier: "trivial",
      explicit_tier: "trivial",
      inferred: { tier: "standard", confidence: 0 },
      source: "explicit",
    });
  });

  it.each([undefined, null])("is the inferred one when the explicit one is %s", (tier) => {
    const complexity = assessComplexity({ description: "migrate", ...(tier === undefined ? {} : { complexity_tier: tier }) });
    expect(complexity).toMatchObject({ effective_tier: "complex", explicit_tier: null, source: "inferred" });
  });
});

it("counts words by any white space", () => {
  expect(complexitySignals({ description: "  a\tb\n\nc  " })).toEqual({ wordCount: 3, fileCount: 0, verificationStepCount: 0 });
});
