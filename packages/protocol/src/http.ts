/** The HTTP bodies. Paths and answers: docs/wire.md. */
import { type Static, Type } from "typebox";
import { LIMITS } from "./limits.ts";
import { PRIORITY_NAMES, TIERS } from "./task.ts";

const text = (maxLength: number) => Type.String({ maxLength });
const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);
const optional = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Optional(nullable(schema));
const listOf = <T extends Parameters<typeof Type.Array>[0]>(item: T, maxItems: number = LIMITS.taskListItems) =>
  optional(Type.Array(item, { maxItems }));
const oneOf = <T extends string>(values: readonly T[]) => Type.Enum([...values]);

/** `POST /api/tasks`. */
export const SUBMIT_TASK = Type.Object({
  description: Type.String({ minLength: 1, maxLength: LIMITS.descriptionChars }),
  priority: Type.Optional(oneOf(PRIORITY_NAMES)),
  metadata: optional(Type.Record(Type.String(), Type.Unknown())),
  max_retries: optional(Type.Integer({ minimum: 0 })),
  complete_by: optional(Type.Integer()),
  needed_capabilities: listOf(text(LIMITS.nameChars), LIMITS.capabilities),
  repo: optional(text(LIMITS.repoChars)),
  branch: optional(text(LIMITS.nameChars)),
  file_hints: listOf(Type.Object({ path: Type.String() })),
  success_criteria: listOf(Type.String()),
  verification_steps: listOf(Type.Object({ type: Type.String(), target: Type.String() })),
  complexity_tier: optional(oneOf(TIERS)),
  max_verification_retries: optional(Type.Integer({ minimum: 0, maximum: LIMITS.maxVerificationRetries })),
  skip_verification: optional(Type.Boolean()),
  verification_timeout_ms: optional(Type.Integer({ minimum: 1 })),
  depends_on: listOf(text(LIMITS.nameChars), LIMITS.dependsOn),
  goal_id: optional(text(LIMITS.nameChars)),
  assign_to: optional(text(LIMITS.agentIdChars)),
});
export type SubmitTaskBody = Static<typeof SUBMIT_TASK>;

/** `POST /api/onboard/register`. */
export const REGISTER_AGENT = Type.Object({ agent_id: Type.String({ minLength: 1, maxLength: LIMITS.agentIdChars }) });

/** `POST /api/room/message`. */
export const ROOM_MESSAGE = Type.Object({ text: Type.String({ minLength: 1, maxLength: LIMITS.descriptionChars }) });

/** `POST /api/admin/llm-registry`. */
export const REGISTER_ENDPOINT = Type.Object({
  host: Type.String({ minLength: 1, maxLength: LIMITS.nameChars }),
  port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
  name: optional(text(LIMITS.nameChars)),
});

/** An LLM endpoint as the registry shows it. */
export interface LlmEndpoint {
  /** `host:port` */
  id: string;
  host: string;
  port: number;
  name: string;
  source: "admin" | "sidecar";
  status: "unknown" | "healthy" | "unhealthy";
  models: string[];
  loaded_models: string[];
  registered_at: number;
  last_checked_at: number | null;
}

/** `201` of a submission. */
export interface SubmitTaskAnswer {
  status: "queued";
  task_id: string;
  priority: number;
  created_at: number;
}

/** `201` of a registration. */
export interface RegisterAgentAnswer {
  agent_id: string;
  token: string;
  hub_ws_url: string;
  hub_api_url: string;
  default_repo: string | null;
}
