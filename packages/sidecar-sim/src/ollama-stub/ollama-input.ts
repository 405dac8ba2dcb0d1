/** Bodies of requests to Ollama, as far as they matter to how long an answer takes. */
import { createHash } from "node:crypto";
import { isFields, type JsonFields } from "../stubs/json-fields.ts";
import { tokensIn } from "../stubs/token-text.ts";

/** What an endpoint wants of the scheduler. */
export interface Ask {
  model: string;
  stream: boolean;
  promptTokens: number;
  /** The most that may be answered; undefined: as long as it likes. */
  maxOutputTokens: number | undefined;
  conversation: string | undefined;
  contextTokens: number | undefined;
  keepAliveMs: number | undefined;
  /** OpenAI's path: whether the stream ends with the token counts. */
  includeUsage: boolean;
}

export type AskOutcome = { ok: true; ask: Ask } | { ok: false; problem: string };

/** POST /api/generate and /api/chat. An empty prompt, or no messages, only loads the model. */
export function readOllamaAsk(body: unknown): AskOutcome {
  if (!isFields(body)) return { ok: false, problem: "missing request body" };
  const options = isFields(body.options) ? body.options : {};
  const keepAlive = readKeepAlive(body.keep_alive);
  if (!keepAlive.ok) return keepAlive;
  const prompt = Array.isArray(body.messages) ? promptOfMessages(body.messages) : promptOfText(body);
  return {
    ok: true,
    ask: {
      model: textOf(body.model ?? body.name),
      stream: body.stream !== false,
      ...prompt,
      maxOutputTokens: positive(options.num_predict),
      contextTokens: positive(options.num_ctx),
      keepAliveMs: keepAlive.ms,
      includeUsage: false,
    },
  };
}

/** POST /v1/chat/completions: streams only when asked to; has no context length and no keep-alive. */
export function readOpenAiAsk(body: unknown): AskOutcome {
  if (!isFields(body)) return { ok: false, problem: "missing request body" };
  if (!Array.isArray(body.messages) || body.messages.length === 0) {
    return { ok: false, problem: "[] is too short - 'messages'" };
  }
  return { ok: true, ask: { ...openAiFields(body), ...promptOfMessages(body.messages) } };
}

/** POST /v1/completions: a text in place of messages. */
export function readOpenAiTextAsk(body: unknown): AskOutcome {
  if (!isFields(body)) return { ok: false, problem: "missing request body" };
  return { ok: true, ask: { ...openAiFields(body), ...promptOfText(body) } };
}

function openAiFields(body: JsonFields): Omit<Ask, "promptTokens" | "conversation"> {
  const streamOptions = isFields(body.stream_options) ? body.stream_options : {};
  return {
    model: textOf(body.model),
    stream: body.stream === true,
    maxOutputTokens: positive(body.max_completion_tokens ?? body.max_tokens),
    contextTokens: undefined,
    keepAliveMs: undefined,
    includeUsage: streamOptions.include_usage === true,
  };
}

/** A conversation is known by its beginning, up to the first message of the user. Each message's role and markers cost some tokens. */
function promptOfMessages(messages: unknown[]): Pick<Ask, "promptTokens" | "conversation"> {
  const texts = messages.map((message) => (isFields(message) ? contentOf(message.content) : ""));
  const firstUser = messages.findIndex((message) => isFields(message) && message.role === "user");
  return {
    promptTokens: texts.reduce((sum, text) => sum + tokensIn(text.length) + MESSAGE_MARKER_TOKENS, 0),
    conversation: texts.length === 0 ? undefined : digestOf(texts.slice(0, firstUser + 1 || texts.length).join("\0")),
  };
}

/** Chat templates put about that many special tokens around a message. */
const MESSAGE_MARKER_TOKENS = 4;

/** Only the same prompt again is known. */
function promptOfText(body: JsonFields): Pick<Ask, "promptTokens" | "conversation"> {
  const text = textOf(body.system) + textOf(body.prompt);
  return { promptTokens: tokensIn(text.length), conversation: text === "" ? undefined : digestOf(text) };
}

/** OpenAI's path may give a message in parts. */
function contentOf(content: unknown): string {
  if (!Array.isArray(content)) return textOf(content);
  return content.map((part) => (isFields(part) ? textOf(part.text) : "")).join("");
}

type KeepAlive = { ok: true; ms: number | undefined } | { ok: false; problem: string };

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Seconds as a number, or a duration as Go writes it (`5m`, `1h30m`, `-1s`); below 0: for ever. */
export function readKeepAlive(value: unknown): KeepAlive {
  if (value === undefined || value === null) return { ok: true, ms: undefined };
  if (typeof value === "number") return { ok: true, ms: value < 0 ? Number.POSITIVE_INFINITY : value * 1_000 };
  const text = textOf(value);
  if (text === "0") return { ok: true, ms: 0 };
  const problem = `time: invalid duration ${JSON.stringify(text)}`;
  if (!/^-?(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return { ok: false, problem };
  if (text.startsWith("-")) return { ok: true, ms: Number.POSITIVE_INFINITY };
  let ms = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) ms += Number(amount) * (UNIT_MS[unit ?? ""] ?? 0);
  return { ok: true, ms };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** num_predict and max_tokens: -1 and the like mean no limit. */
function positive(value: unknown): number | undefined {
  return typeof value === "number" && value > 0 ? Math.floor(value) : undefined;
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}
