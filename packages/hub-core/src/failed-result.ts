import { LIMITS } from "@hubscale/protocol";

/**
 * The recorded sidecar reports a failed execution as `task_complete` with `result.status: "failed"` (contract §8). A hub without
 * that wart takes it for the failure that it is. Returns why it failed, for the task's history; undefined for any other result.
 */
export function failureIn(result: unknown): string | undefined {
  if (typeof result !== "object" || result === null) return undefined;
  const { status, verification_status: said } = result as { status?: unknown; verification_status?: unknown };
  if (status !== "failed") return undefined;
  return `the result says "failed": ${typeof said === "string" ? said : "no further word"}`.slice(0, LIMITS.errorChars);
}
