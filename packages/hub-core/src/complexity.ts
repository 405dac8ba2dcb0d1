/**
 * How hard a task is held to be: the submitter's word if there is one, else three counts that vote, and keywords that overrule
 * them. The thresholds and the words are the contract's (§6).
 */
import type { Complexity, SubmitTaskBody, Tier } from "@hubscale/protocol";

export type ComplexityInput = Pick<SubmitTaskBody, "description" | "file_hints" | "verification_steps" | "complexity_tier">;

/** The three counts that a tier is inferred from. */
export interface ComplexitySignals {
  wordCount: number;
  fileCount: number;
  verificationStepCount: number;
}

/** The explicit tier wins; the inferred one is kept beside it, so that a reader can see where they differ. */
export function assessComplexity(input: ComplexityInput): Complexity {
  const explicit = input.complexity_tier ?? null;
  const inferred = inferTier(input);
  return {
    effective_tier: explicit ?? inferred.tier,
    explicit_tier: explicit,
    inferred,
    source: explicit === null ? "inferred" : "explicit",
  };
}

/** Words are what white space separates. */
export function complexitySignals(input: Omit<ComplexityInput, "complexity_tier">): ComplexitySignals {
  return {
    wordCount: input.description.match(/\S+/g)?.length ?? 0,
    fileCount: input.file_hints?.length ?? 0,
    verificationStepCount: input.verification_steps?.length ?? 0,
  };
}

// Whole words only: "format" must not be found in "information", nor "rename" in "prerenamed".
const COMPLEX_KEYWORD = /\b(?:refactor|architect|migration|redesign|migrate|security|overhaul|rewrite)\b/i;
const TRIVIAL_KEYWORD = /\b(?:fix typo|update readme|bump version|rename|typo|format|lint|version bump)\b/i;

/** Above these a task is not trivial, whatever its words say. */
const TRIVIAL_MAX = { files: 3, verificationSteps: 3 };

function inferTier(input: ComplexityInput): Complexity["inferred"] {
  const signals = complexitySignals(input);
  if (signals.wordCount === 0 && signals.fileCount === 0 && signals.verificationStepCount === 0) {
    return { tier: "unknown", confidence: 0 };
  }
  const votes: Tier[] = [
    vote(signals.wordCount, { standardFrom: 10, complexFrom: 51 }),
    vote(signals.fileCount, { standardFrom: 1, complexFrom: 4 }),
    vote(signals.verificationStepCount, { standardFrom: 1, complexFrom: 4 }),
  ];
  if (COMPLEX_KEYWORD.test(input.description)) return agreed("complex", [...votes, "complex"]);
  const small = signals.fileCount <= TRIVIAL_MAX.files && signals.verificationStepCount <= TRIVIAL_MAX.verificationSteps;
  if (small && TRIVIAL_KEYWORD.test(input.description)) return agreed("trivial", [...votes, "trivial"]);
  // Two votes of three; a tie is standard, and so is a trivial majority that has no trivial word.
  return agreed(votes.filter((tier) => tier === "complex").length >= 2 ? "complex" : "standard", votes);
}

function vote(count: number, from: { standardFrom: number; complexFrom: number }): Tier {
  if (count >= from.complexFrom) return "complex";
  return count >= from.standardFrom ? "standard" : "trivial";
}

/** Confidence: the share of the votes that agree. A short task without keywords is standard with confidence 0, as recorded. */
function agreed(tier: Tier, votes: readonly Tier[]): Complexity["inferred"] {
  return { tier, confidence: votes.filter((each) => each === tier).length / votes.length };
}
