/** One step of an agent at the Messages API, streamed, tried again as the official SDK does. */
import { ANSWER_TOKENS_HEADER } from "../stubs/answer-length.ts";
import type { CountedClient } from "./counted-client.ts";
import { linesOf } from "./counted-client.ts";
import { isObject, type ModelAnswer, type OnTokens } from "./model-answer.ts";
import { errorIn } from "./ollama-round.ts";

export interface ClaudeStep {
  model: string;
  /** The body, `model` and all. */
  body: string;
  apiKey: string;
  /** The answer's length, which only a stub obeys. */
  answerTokens: number;
  signal: AbortSignal;
  onTokens: OnTokens;
  /** Waits in the fleet's time; the answer to a wait that the service named comes in real time. */
  pause(wait: { realMs: number } | { fleetMs: number }): Promise<void>;
  random(): number;
}

/** anthropic-sdk-typescript bfa9197f (2026-08-19): two retries, on 408, 409, 429 and from 500 on. */
const RETRIES = 2;
const RETRIED = new Set([408, 409, 429]);

export async function askClaude(client: CountedClient, step: ClaudeStep): Promise<ModelAnswer> {
  for (let retries = 0; ; retries++) {
    const response = await client.post({
      path: "/v1/messages",
      headers: {
        "x-api-key": step.apiKey,
        "anthropic-version": "2023-06-01",
        [ANSWER_TOKENS_HEADER]: String(step.answerTokens),
      },
      body: step.body,
      signal: step.signal,
    });
    const { statusCode, headers } = response;
    if (statusCode === 200) return readAnswer(linesOf(response.body), step.onTokens);
    const said = errorIn(await response.body.text());
    if (retries === RETRIES || !(RETRIED.has(statusCode) || statusCode >= 500)) {
      return { ok: false, error: `the Claude API answered ${statusCode}: ${said}` };
    }
    await step.pause(retryWait(headers, retries, step.random));
  }
}

/** As the service says; otherwise 0.5 s, doubled each time up to 8 s, less up to a quarter. */
function retryWait(
  headers: Record<string, string | string[] | undefined>,
  retries: number,
  random: () => number,
): { realMs: number } | { fleetMs: number } {
  const named = (name: string) => (typeof headers[name] === "string" ? Number(headers[name]) : Number.NaN);
  const realMs = Number.isFinite(named("retry-after-ms")) ? named("retry-after-ms") : named("retry-after") * 1_000;
  if (Number.isFinite(realMs)) return { realMs };
  return { fleetMs: Math.min(500 * 2 ** retries, 8_000) * (1 - random() / 4) };
}

async function readAnswer(lines: AsyncIterable<string>, onTokens: OnTokens): Promise<ModelAnswer> {
  let text = "";
  let inputTokens = 0;
  let outputTokens = 0;
  for await (const line of lines) {
    if (!line.startsWith("data: ")) continue;
    const event: unknown = JSON.parse(line.slice("data: ".length));
    if (!isObject(event)) continue;
    switch (event["type"]) {
      case "message_start": {
        const { message } = event;
        inputTokens = isObject(message) ? allInput(message["usage"]) : 0;
        break;
      }
      case "content_block_delta": {
        const { delta } = event;
        const piece = isObject(delta) && typeof delta["text"] === "string" ? delta["text"] : "";
        text += piece;
        // How many tokens an event carries is not said; four characters are one.
        onTokens(piece, Math.max(1, Math.round(piece.length / 4)));
        break;
      }
      case "message_delta":
        outputTokens = isObject(event["usage"]) ? numberIn(event["usage"], "output_tokens") : 0;
        break;
      case "message_stop":
        return { ok: true, text, inputTokens, outputTokens };
      case "error":
        return { ok: false, error: `the Claude API broke off: ${errorIn(JSON.stringify(event))}` };
    }
  }
  return { ok: false, error: "the Claude API ended its answer before it was done" };
}

/** What is read from the cache and what is written to it is input too. */
function allInput(usage: unknown): number {
  if (!isObject(usage)) return 0;
  const parts = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
  return parts.reduce((sum, part) => sum + numberIn(usage, part), 0);
}

function numberIn(fields: Record<string, unknown>, name: string): number {
  const value = fields[name];
  return typeof value === "number" ? value : 0;
}
