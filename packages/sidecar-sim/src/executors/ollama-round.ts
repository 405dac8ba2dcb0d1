/** One round of a conversation with an Ollama endpoint: POST /api/chat, streamed. */
import type { CountedClient } from "./counted-client.ts";
import { linesOf } from "./counted-client.ts";
import { isObject, type ModelAnswer, type OnTokens } from "./model-answer.ts";

export interface ChatMessage {
  role: "user" | "assistant";
  content: string;
}

export interface OllamaRound {
  model: string;
  messages: readonly ChatMessage[];
  /** num_predict: the answer's length on a stub that always goes to the limit, the most that a real model answers. */
  outputTokens: number;
  contextTokens: number;
  signal: AbortSignal;
  onTokens: OnTokens;
}

/** Rejects only at the signal or when the connection breaks. */
export async function askOllama(client: CountedClient, round: OllamaRound): Promise<ModelAnswer> {
  const { model, messages, outputTokens, contextTokens, signal } = round;
  const options = { num_predict: outputTokens, num_ctx: contextTokens };
  const body = JSON.stringify({ model, messages, stream: true, options });
  const response = await client.post({ path: "/api/chat", body, signal });
  if (response.statusCode !== 200) {
    const said = errorIn(await response.body.text());
    return { ok: false, error: `the Ollama endpoint answered ${response.statusCode}: ${said}` };
  }
  let text = "";
  for await (const line of linesOf(response.body)) {
    const piece: unknown = JSON.parse(line);
    if (!isObject(piece)) continue;
    if (typeof piece["error"] === "string") return { ok: false, error: `the Ollama endpoint broke off: ${piece["error"]}` };
    const { message } = piece;
    const content = isObject(message) && typeof message["content"] === "string" ? message["content"] : "";
    text += content;
    if (content !== "") round.onTokens(content, 1);
    if (piece["done"] === true) {
      const count = (field: string) => (typeof piece[field] === "number" ? piece[field] : 0);
      return { ok: true, text, inputTokens: count("prompt_eval_count"), outputTokens: count("eval_count") };
    }
  }
  return { ok: false, error: "the Ollama endpoint ended its answer before it was done" };
}

/** `{"error":"…"}`, or what else there is of it. */
export function errorIn(text: string): string {
  try {
    const body: unknown = JSON.parse(text);
    if (isObject(body) && typeof body["error"] === "string") return body["error"];
    if (isObject(body) && isObject(body["error"]) && typeof body["error"]["message"] === "string")
      return body["error"]["message"];
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return text.slice(0, 200);
}
