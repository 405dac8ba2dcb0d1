import type { SubmitTaskBody } from "@hubscale/protocol";
import { expect, it } from "vitest";
import { draftOf } from "./task-draft.ts";

it("fills in the contract's defaults", () => {
  expect(draftOf({ description: "x" }, "sub")).toEqual({
    description: "x",
    priority: 2,
    metadata: {},
    repo: null,
    branch: null,
    file_hints: [],
    success_criteria: [],
    verification_steps: [],
    needed_capabilities: [],
    depends_on: [],
    goal_id: null,
    assign_to: null,
    complete_by: null,
    complexity: {
      effective_tier: "standard",
      explicit_tier: null,
      inferred: { tier: "standard", confidence: 0 },
      source: "inferred",
    },
    skip_verification: false,
    verification_timeout_ms: null,
    max_verification_retries: 5,
    max_retries: 3,
    submitted_by: "sub",
  });
});

it("keeps what was given, zero and false among it", () => {
  const given: SubmitTaskBody = {
    description: "rename it",
    metadata: { model: "qwen" },
    max_retries: 0,
    complete_by: 5,
    needed_capabilities: ["code"],
    repo: "r",
    branch: "b",
    file_hints: [{ path: "p" }],
    success_criteria: ["it runs"],
    verification_steps: [{ type: "file_exists", target: "t" }],
    complexity_tier: "complex",
    max_verification_retries: 0,
    skip_verification: true,
    verification_timeout_ms: 9,
    depends_on: ["task-0"],
    goal_id: "g",
    assign_to: "alice",
  };
  const { complexity_tier, ...kept } = given;
  expect(draftOf(given, "sub")).toMatchObject({ ...kept, complexity: { effective_tier: complexity_tier } });
});

it.each([
  ["urgent", 0],
  ["high", 1],
  ["normal", 2],
  ["low", 3],
] as const)("stores %s as %i", (priority, stored) => {
  expect(draftOf({ description: "x", priority }, "sub").priority).toBe(stored);
});

it("takes null for absent", () => {
  const nulls = Object.fromEntries(["metadata", "max_retries", "needed_capabilities", "complexity_tier"].map((f) => [f, null]));
  expect(draftOf({ description: "x", ...nulls } as SubmitTaskBody, "sub")).toEqual(draftOf({ description: "x" }, "sub"));
});
