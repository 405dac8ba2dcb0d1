/** Bodies of requests to the Messages API, as far as they matter to limits, cache and time. */
import { createHash } from "node:crypto";
import { CACHE_TTL_MS, type ClaudeModel, claudeModel, type Prefix } from "@hubscale/fleet-model";
import { isFields, type JsonFields } from "../stubs/json-fields.ts";
import { tokensIn } from "../stubs/token-text.ts";

export interface MessagesAsk {
  model: ClaudeModel;
  /** As the request named it; the answer repeats it. */
  modelName: string;
  stream: boolean;
  maxTokens: number;
  inputTokens: number;
  prefixes: Prefix[];
}

export type MessagesOutcome =
  | { ok: true; ask: MessagesAsk }
  | { ok: false; type: "invalid_request_error" | "not_found_error"; message: string };

export function readMessagesAsk(body: unknown): MessagesOutcome {
  const invalid = (message: string): MessagesOutcome => ({ ok: false, type: "invalid_request_error", message });
  if (!isFields(body)) return invalid("The request body is not valid JSON.");
  if (typeof body.model !== "string") return invalid("model: Field required");
  if (body.max_tokens === undefined) return invalid("max_tokens: Field required");
  if (typeof body.max_tokens !== "number" || !Number.isInteger(body.max_tokens) || body.max_tokens < 1) {
    return invalid("max_tokens: Input should be greater than or equal to 1");
  }
  const prompt = readPrompt(body);
  if (!prompt.ok) return invalid(prompt.problem);
  const model = claudeModel(body.model);
  if (!model) return { ok: false, type: "not_found_error", message: `model: ${body.model}` };
  const { inputTokens, prefixes } = prompt;
  return {
    ok: true,
    ask: { model, modelName: body.model, stream: body.stream === true, maxTokens: body.max_tokens, inputTokens, prefixes },
  };
}

export type PromptOutcome = { ok: true; inputTokens: number; prefixes: Prefix[] } | { ok: false; problem: string };

/** Tools, system, messages: in that order they make the prompt, and each block of them ends a prefix that the cache may know. */
export function readPrompt(body: JsonFields): PromptOutcome {
  if (!Array.isArray(body.messages)) return { ok: false, problem: "messages: Field required" };
  if (body.messages.length === 0) return { ok: false, problem: "messages: at least one message is required" };
  const blocks: JsonFields[] = [...blocksOf(body.tools), ...blocksOf(body.system)];
  for (const [index, message] of body.messages.entries()) {
    if (!isFields(message) || (message.role !== "user" && message.role !== "assistant")) {
      return { ok: false, problem: `messages.${index}.role: Input should be 'user' or 'assistant'` };
    }
    for (const block of blocksOf(message.content)) blocks.push({ role: message.role, ...block });
  }
  const { prefixes, tokens } = prefixesOf(blocks);
  return { ok: true, inputTokens: tokens, prefixes };
}

/** A text counts as one block. */
function blocksOf(content: unknown): JsonFields[] {
  if (typeof content === "string") return content === "" ? [] : [{ type: "text", text: content }];
  return Array.isArray(content) ? content.filter(isFields) : [];
}

/** `cache_control` is no part of what is cached: it moves along as the conversation grows. */
function prefixesOf(blocks: readonly JsonFields[]): { prefixes: Prefix[]; tokens: number } {
  const soFar = createHash("sha256");
  let tokens = 0;
  const isMarked = blocks.some(({ cache_control }) => isFields(cache_control));
  const prefixes = blocks.flatMap(({ cache_control, ...block }) => {
    const text = typeof block.text === "string" ? block.text : JSON.stringify(block);
    tokens += tokensIn(text.length);
    // Bodies are large; those that mark nothing are not worth the hashing.
    if (!isMarked) return [];
    soFar.update(JSON.stringify(block));
    return [{ key: soFar.copy().digest("base64"), tokens, keepMs: keepMsOf(cache_control) }];
  });
  return { prefixes, tokens };
}

function keepMsOf(control: unknown): number | undefined {
  if (!isFields(control)) return undefined;
  return control.ttl === "1h" ? CACHE_TTL_MS["1h"] : CACHE_TTL_MS["5m"];
}
