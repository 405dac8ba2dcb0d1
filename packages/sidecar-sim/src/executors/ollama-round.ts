/** One round of a conversation with an Ollama endpoint: POST /api/chat, streamed. */
import { errorIn, errorTextOf, isObject, jsonIn, linesOf } from "./answer-text.ts";
import type { CountedClient } from "./counted-client.ts";
import { ANSWER_CHARS_MAX, type ModelAnswer, type OnTokens, tokensIn } from "./model-answer.ts";

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

/** Rejects as the client does. */
export function askOllama(client: CountedClient, round: OllamaRound): Promise<ModelAnswer> {
  const { model, messages, outputTokens, contextTokens, signal } = round;
  const options = { num_predict: outputTokens, num_ctx: contextTokens };
  const body = JSON.stringify({ model, messages, stream: true, options });
  return client.ask({ path: "/api/chat", body, signal }, async (answer) => {
    if (answer.statusCode === 200) return readAnswer(linesOf(answer.body), round.onTokens);
    const said = errorIn(await errorTextOf(answer.body));
    return failed(`answered ${answer.statusCode}: ${said}`);
  });
}

async function readAnswer(lines: AsyncIterable<string>, onTokens: OnTokens): Promise<ModelAnswer> {
  let text = "";
  for await (const line of lines) {
    const piece = jsonIn(line);
    if (!isObject(piece)) return failed(`sent a line that is no JSON object: ${errorIn(line)}`);
    if (piece["error"] !== undefined && piece["error"] !== null) return failed(`broke off: ${errorIn(line)}`);
    const { message } = piece;
    const content = isObject(message) && typeof message["content"] === "string" ? message["content"] : "";
    text += content;
    if (text.length > ANSWER_CHARS_MAX) return failed(`answered with more than ${ANSWER_CHARS_MAX} characters`);
    if (content !== "") onTokens(content, 1);
    if (piece["done"] === true) {
      const inputTokens = tokensIn(piece, "prompt_eval_count");
      return { ok: true, text, inputTokens, outputTokens: tokensIn(piece, "eval_count") };
    }
  }
  return failed("ended its answer before it was done");
}

function failed(what: string): ModelAnswer {
  return { ok: false, error: `the Ollama endpoint ${what}` };
}
