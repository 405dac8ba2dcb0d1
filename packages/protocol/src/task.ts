/** A task as the hub stores it and as `GET /api/tasks/:id` shows it. Field names are the wire's own. Times are Unix milliseconds. */
export interface Task {
  id: string;
  status: TaskStatus;
  priority: Priority;
  description: string;
  metadata: Record<string, unknown>;
  repo: string | null;
  branch: string | null;
  file_hints: FileHint[];
  success_criteria: string[];
  verification_steps: VerificationStep[];
  needed_capabilities: string[];
  depends_on: string[];
  goal_id: string | null;
  assign_to: string | null;
  complete_by: number | null;
  complexity: Complexity;
  routing_decision: RoutingDecision | null;
  skip_verification: boolean;
  verification_timeout_ms: number | null;
  max_verification_retries: number;
  max_retries: number;
  retry_count: number;
  /** Rises with each assignment and each return to the queue; the fencing token of completions. */
  generation: number;
  assigned_to: string | null;
  assigned_at: number | null;
  submitted_by: string;
  created_at: number;
  updated_at: number;
  last_error: string | null;
  result: unknown;
  tokens_used: number | null;
  verification_report: unknown;
  verification_history: unknown[];
  /** Newest first, at most `LIMITS.historyEntries`. */
  history: HistoryEntry[];
}

export type TaskStatus = "queued" | "assigned" | "completed" | "dead_letter";

/** 0 urgent, 1 high, 2 normal, 3 low: the order in which tasks leave the queue. */
export type Priority = 0 | 1 | 2 | 3;
export const PRIORITY_NAMES = ["urgent", "high", "normal", "low"] as const;
export type PriorityName = (typeof PRIORITY_NAMES)[number];

export const TIERS = ["trivial", "standard", "complex", "unknown"] as const;
export type Tier = (typeof TIERS)[number];

export interface FileHint {
  path: string;
  [field: string]: unknown;
}

export interface VerificationStep {
  type: string;
  target: string;
  [field: string]: unknown;
}

export interface HistoryEntry {
  event: string;
  timestamp: number;
  details: unknown;
}

/** How hard a task is held to be. `inferred.confidence` is a share from 0 to 1. */
export interface Complexity {
  effective_tier: Tier;
  explicit_tier: Tier | null;
  inferred: { tier: Tier; confidence: number };
  source: "explicit" | "inferred";
}

/** Where a task was sent and why; stored with the task at its first scheduling. */
export interface RoutingDecision {
  effective_tier: Tier;
  target_type: "sidecar" | "ollama" | "claude";
  selected_endpoint: string | null;
  selected_model: string | null;
  fallback_used: boolean;
  fallback_reason: string | null;
  fallback_from_tier: Tier | null;
  classification_reason: string;
  estimated_cost_tier: "free" | "local" | "api";
  candidate_count: number;
  decided_at: number;
}

/** The part of a routing decision that `task_assign` carries. */
export type RoutingDecisionFrame = Omit<RoutingDecision, "fallback_from_tier" | "candidate_count" | "decided_at">;

/** `GET /api/tasks/stats`. `by_priority` counts queued tasks only, keyed "0" to "3". */
export interface TaskStats {
  by_status: Record<string, number>;
  by_priority: Record<string, number>;
  dead_letter: number;
  queued_index_size: number;
}

export interface TaskFilter {
  status?: TaskStatus;
  priority?: Priority;
  assigned_to?: string;
  goal_id?: string;
}
