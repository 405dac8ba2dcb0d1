/** Bodies, events and headers of the Messages API. */
import type { ClaudeAnswer, LimitName, LimitState } from "@hubscale/fleet-model";

export type ErrorType =
  | "invalid_request_error"
  | "authentication_error"
  | "not_found_error"
  | "request_too_large"
  | "rate_limit_error"
  | "overloaded_error";

export const STATUS_OF: Readonly<Record<ErrorType, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  overloaded_error: 529,
};

export function errorBody(type: ErrorType, message: string, requestId: string) {
  return { type: "error", error: { type, message }, request_id: requestId };
}

/** One server-sent event; its name is the body's type. */
export function sseEvent(body: { type: string }): string {
  return `event: ${body.type}\ndata: ${JSON.stringify(body)}\n\n`;
}

export function usageOf(answer: ClaudeAnswer, outputTokens: number) {
  const { readTokens, writtenTokens, writtenForHourTokens } = answer.cache;
  return {
    input_tokens: answer.uncachedInputTokens,
    cache_creation_input_tokens: writtenTokens,
    cache_read_input_tokens: readTokens,
    cache_creation: {
      ephemeral_5m_input_tokens: writtenTokens - writtenForHourTokens,
      ephemeral_1h_input_tokens: writtenForHourTokens,
    },
    output_tokens: outputTokens,
    service_tier: "standard",
  };
}

export type StopReason = "end_turn" | "max_tokens";

/** `text` null: the answer as it begins. */
export function messageBody(
  answer: ClaudeAnswer,
  {
    id,
    model,
    text,
    stopReason,
    outputTokens,
  }: { id: string; model: string; text: string | null; stopReason: StopReason | null; outputTokens: number },
) {
  return {
    id,
    type: "message",
    role: "assistant",
    model,
    content: text === null ? [] : [{ type: "text", text }],
    stop_reason: stopReason,
    stop_sequence: null,
    usage: usageOf(answer, outputTokens),
  };
}

/**
 * The state of the limits: `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`, dates as
 * RFC 3339, what is left of tokens to the nearest thousand. `tokens` is input and output taken together.
 */
export function limitHeaders(limits: Record<LimitName, LimitState>, dateIn: (fleetMs: number) => Date): Record<string, string> {
  const input = limits["input-tokens"];
  const output = limits["output-tokens"];
  const tokens: LimitState = {
    limit: input.limit + output.limit,
    remaining: input.remaining + output.remaining,
    resetMs: Math.max(input.resetMs, output.resetMs),
  };
  const headers: Record<string, string> = {};
  for (const [name, state] of Object.entries({
    requests: limits.requests,
    tokens,
    "input-tokens": input,
    "output-tokens": output,
  })) {
    const unit = name === "requests" ? 1 : 1_000;
    headers[`anthropic-ratelimit-${name}-limit`] = String(state.limit);
    headers[`anthropic-ratelimit-${name}-remaining`] = String(
      unit === 1 ? Math.floor(state.remaining) : Math.round(state.remaining / unit) * unit,
    );
    headers[`anthropic-ratelimit-${name}-reset`] = dateIn(state.resetMs)
      .toISOString()
      .replace(/\.\d+Z$/, "Z");
  }
  return headers;
}

const LIMIT_TEXT: Readonly<Record<LimitName, string>> = {
  requests: "requests per minute",
  "input-tokens": "input tokens per minute",
  "output-tokens": "output tokens per minute",
};

export function rateLimitText(limit: LimitName, state: LimitState): string {
  return `This request would exceed your organization's rate limit of ${state.limit.toLocaleString("en-US")} ${LIMIT_TEXT[limit]}.`;
}
