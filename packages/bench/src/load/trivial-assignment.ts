import type { TaskAssignFrame } from "@hubscale/protocol";

/** The fields of a recorded assignment of a trivial task that do not differ from task to task: for what takes a hub's part. */
export const TRIVIAL_ASSIGNMENT = {
  repo: null,
  branch: null,
  file_hints: [],
  success_criteria: [],
  verification_steps: [],
  complexity: {
    effective_tier: "trivial",
    explicit_tier: "trivial",
    inferred: { tier: "standard", confidence: 0 },
    source: "explicit",
  },
  routing_decision: {
    effective_tier: "trivial",
    target_type: "sidecar",
    selected_endpoint: null,
    selected_model: null,
    fallback_used: false,
    fallback_reason: null,
    classification_reason: "explicit:trivial",
    estimated_cost_tier: "free",
  },
  skip_verification: false,
  verification_timeout_ms: null,
  max_verification_retries: 5,
} satisfies Partial<TaskAssignFrame>;
