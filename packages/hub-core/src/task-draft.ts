/** From the body of a submission to a draft: every default of the contract filled in, the complexity assessed. */
import { DEFAULTS, type SubmitTaskBody } from "@hubscale/protocol";
import { assessComplexity } from "./complexity.ts";
import { priorityOf, type TaskDraft } from "./task-transition.ts";

/** The draft of a checked body. `submittedBy`: the agent id of the caller's token. Null counts as absent. */
export function draftOf(body: SubmitTaskBody, submittedBy: string): TaskDraft {
  return {
    description: body.description,
    priority: priorityOf(body.priority),
    metadata: body.metadata ?? {},
    repo: body.repo ?? null,
    branch: body.branch ?? null,
    file_hints: body.file_hints ?? [],
    success_criteria: body.success_criteria ?? [],
    verification_steps: body.verification_steps ?? [],
    needed_capabilities: body.needed_capabilities ?? [],
    depends_on: [...new Set(body.depends_on ?? [])],
    goal_id: body.goal_id ?? null,
    assign_to: body.assign_to ?? null,
    complete_by: body.complete_by ?? null,
    complexity: assessComplexity(body),
    skip_verification: body.skip_verification ?? false,
    verification_timeout_ms: body.verification_timeout_ms ?? null,
    max_verification_retries: body.max_verification_retries ?? DEFAULTS.maxVerificationRetries,
    max_retries: body.max_retries ?? DEFAULTS.maxRetries,
    submitted_by: submittedBy,
  };
}
