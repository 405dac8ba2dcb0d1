/** The WebSocket frames, each a flat JSON object with a `type`. Unknown extra fields are accepted and ignored. */
import { type Static, type TSchema, Type } from "typebox";
import { LIMITS } from "./limits.ts";
import type { Complexity, FileHint, RoutingDecisionFrame, VerificationStep } from "./task.ts";

const agentId = Type.String({ minLength: 1, maxLength: LIMITS.agentIdChars });
const taskId = Type.String({ minLength: 1, maxLength: 64 });
const generation = Type.Integer();
const errorText = Type.String({ maxLength: LIMITS.errorChars });
const amount = Type.Union([Type.Number(), Type.Null()]);
const anyMap = Type.Record(Type.String(), Type.Unknown());
const channel = Type.String({ minLength: 1, maxLength: LIMITS.channelChars });
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** What a sidecar may send, by `type`. Shapes as recorded on the reference hub's wire. */
export const SIDECAR_FRAMES = {
  identify: Type.Object({
    type: Type.Literal("identify"),
    agent_id: agentId,
    token: Type.String({ minLength: 1, maxLength: LIMITS.tokenChars }),
    name: Type.Optional(Type.String({ maxLength: LIMITS.nameChars })),
    status: Type.Optional(Type.String({ maxLength: LIMITS.statusChars })),
    capabilities: Type.Optional(Type.Array(Type.String({ maxLength: LIMITS.nameChars }), { maxItems: LIMITS.capabilities })),
    ollama_url: Type.Optional(nullable(Type.String({ maxLength: LIMITS.urlChars }))),
    client_type: Type.Optional(Type.String({ maxLength: LIMITS.nameChars })),
    protocol_version: Type.Optional(Type.Integer()),
  }),
  ping: Type.Object({ type: Type.Literal("ping") }),
  status: Type.Object({ type: Type.Literal("status"), status: Type.String({ maxLength: LIMITS.statusChars }) }),
  list_agents: Type.Object({ type: Type.Literal("list_agents") }),
  message: Type.Object({
    type: Type.Literal("message"),
    payload: anyMap,
    to: Type.Optional(nullable(agentId)),
    message_type: Type.Optional(Type.String({ maxLength: LIMITS.channelChars })),
    reply_to: Type.Optional(nullable(Type.String({ maxLength: LIMITS.nameChars }))),
  }),
  task_accepted: Type.Object({ type: Type.Literal("task_accepted"), task_id: taskId }),
  task_progress: Type.Object({
    type: Type.Literal("task_progress"),
    task_id: taskId,
    progress: Type.Optional(nullable(Type.Number())),
    execution_event: Type.Optional(nullable(anyMap)),
  }),
  task_complete: Type.Object({
    type: Type.Literal("task_complete"),
    task_id: taskId,
    generation,
    result: Type.Optional(Type.Unknown()),
    tokens_used: Type.Optional(amount),
    verification_report: Type.Optional(Type.Unknown()),
    // Bounded by its bytes, as the result: a completion that is no frame would leave its task with the agent.
    verification_history: Type.Optional(nullable(Type.Array(Type.Unknown()))),
  }),
  task_failed: Type.Object({
    type: Type.Literal("task_failed"),
    task_id: taskId,
    generation,
    error: Type.Optional(nullable(errorText)),
    reason: Type.Optional(nullable(errorText)),
  }),
  task_rejected: Type.Object({
    type: Type.Literal("task_rejected"),
    task_id: taskId,
    reason: Type.Optional(nullable(errorText)),
  }),
  task_recovering: Type.Object({ type: Type.Literal("task_recovering"), task_id: taskId }),
  state_report: Type.Object({
    type: Type.Literal("state_report"),
    task_id: nullable(taskId),
    status: Type.Optional(nullable(Type.String({ maxLength: LIMITS.statusChars }))),
    generation: Type.Optional(nullable(Type.Integer())),
    assigned_at: Type.Optional(amount),
  }),
  resource_report: Type.Object({
    type: Type.Literal("resource_report"),
    cpu_percent: Type.Optional(amount),
    ram_used_bytes: Type.Optional(amount),
    ram_total_bytes: Type.Optional(amount),
    vram_used_bytes: Type.Optional(amount),
    vram_total_bytes: Type.Optional(amount),
    timestamp: Type.Optional(amount),
  }),
  ollama_report: Type.Object({
    type: Type.Literal("ollama_report"),
    ollama_url: Type.String({ minLength: 1, maxLength: LIMITS.urlChars }),
  }),
  wake_result: Type.Object({
    type: Type.Literal("wake_result"),
    task_id: taskId,
    status: Type.String({ maxLength: LIMITS.statusChars }),
    attempt: Type.Optional(nullable(Type.Integer())),
    error: Type.Optional(nullable(errorText)),
    reason: Type.Optional(nullable(errorText)),
  }),
  channel_subscribe: Type.Object({ type: Type.Literal("channel_subscribe"), channel }),
  channel_unsubscribe: Type.Object({ type: Type.Literal("channel_unsubscribe"), channel }),
  channel_publish: Type.Object({ type: Type.Literal("channel_publish"), channel, payload: anyMap }),
  channel_history: Type.Object({
    type: Type.Literal("channel_history"),
    channel,
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  }),
  list_channels: Type.Object({ type: Type.Literal("list_channels") }),
} as const;

export type SidecarFrameType = keyof typeof SIDECAR_FRAMES;
export type SidecarFrameOf<K extends SidecarFrameType> = Static<(typeof SIDECAR_FRAMES)[K]>;
export type SidecarFrame = { [K in SidecarFrameType]: SidecarFrameOf<K> }[SidecarFrameType];

/** An agent as presence shows it. `connected_at` in Unix milliseconds. */
export interface AgentEntry {
  agent_id: string;
  name: string;
  status: string;
  capabilities: string[];
  connected_at: number;
}

/** The assignment of a task to a sidecar. */
export interface TaskAssignFrame {
  type: "task_assign";
  task_id: string;
  description: string;
  metadata: Record<string, unknown>;
  generation: number;
  assigned_at: number;
  repo: string | null;
  branch: string | null;
  file_hints: FileHint[];
  success_criteria: string[];
  verification_steps: VerificationStep[];
  complexity: Complexity;
  routing_decision: RoutingDecisionFrame;
  skip_verification: boolean;
  verification_timeout_ms: number | null;
  max_verification_retries: number;
}

export interface MessageFrame {
  type: "message";
  id: string;
  from: string;
  message_type: string;
  payload: Record<string, unknown>;
  reply_to: string | null;
  timestamp: number;
}

/** What a hub sends. */
export type HubFrame =
  | { type: "identified"; agent_id: string }
  | { type: "pong"; timestamp: number }
  | { type: "status_updated" }
  | { type: "status_changed"; agent: AgentEntry }
  | { type: "agents"; agents: AgentEntry[] }
  | { type: "agent_joined"; agent: AgentEntry }
  | { type: "agent_left"; agent_id: string }
  | { type: "message_sent"; id: string }
  | MessageFrame
  | TaskAssignFrame
  | { type: "task_ack"; task_id: string; status: "accepted" | "complete" | "retried" | "dead_letter" }
  | { type: "task_cancelled"; task_id: string }
  | { type: "task_continue"; task_id: string; generation: number }
  | { type: "task_reassign"; task_id: string }
  | { type: "state_report_ack"; task_id: string | null; action: "continue" | "abort" }
  | { type: "ollama_report_ack"; status: "registered" }
  | { type: "room_message"; from: string; message_type: string; seq: number; text: string; timestamp: number }
  | { type: "channel_subscribed" | "channel_unsubscribed"; channel: string }
  | { type: "channel_published"; channel: string; seq: number }
  | { type: "channel_message"; channel: string; from: string; payload: unknown; seq: number; timestamp: number }
  | { type: "channel_history"; channel: string; messages: unknown[] }
  | { type: "channels"; channels: string[] }
  | { type: "rate_limit_warning"; tier: string; remaining: number }
  | { type: "rate_limited"; retry_after_ms: number; tier: string }
  | { type: "restart_sidecar"; reason: string }
  | ErrorFrame;

export interface ErrorFrame {
  type: "error";
  error: string;
  message_type?: string;
  errors?: FieldError[];
  retry_after_ms?: number;
  /** With `payload_too_large`. */
  limit_bytes?: number;
}

/** One bad field. `known_types` only with `unknown_message_type`. */
export interface FieldError {
  field: string;
  error: "required" | "wrong_type" | "too_long" | "invalid_value" | "unknown_message_type";
  detail: string;
  known_types?: string[];
}
