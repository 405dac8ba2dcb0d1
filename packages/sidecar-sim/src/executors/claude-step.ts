/** One step of an agent at the Messages API, streamed, tried again as the official SDK does (docs/decisions/0077). */
import type { EventSourceMessage } from "eventsource-parser";
import type { Dispatcher } from "undici";
import { retryAfterMs } from "../retry-after.ts";
import { ANSWER_TOKENS_HEADER } from "../stubs/answer-length.ts";
import { errorIn, errorTextOf, eventsOf, isObject, jsonIn } from "./answer-text.ts";
import { type CountedClient, NoAnswer } from "./counted-client.ts";
import { ANSWER_CHARS_MAX, type ModelAnswer, type OnTokens, tokensIn } from "./model-answer.ts";

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
  pause(wait: Wait): Promise<void>;
  random(): number;
  /** The time of day, for a wait that ends at a date. */
  unixMs(): number;
}

type Wait = { realMs: number } | { fleetMs: number };

/** @anthropic-ai/sdk 1.12.0: two retries, on 408, 409, 429 and from 500 on, and when no answer came. */
const RETRIES = 2;
const RETRIED = new Set([408, 409, 429]);

/** A longer wait that the service names is not waited for: the step is tried again after the usual one, and then fails. */
const NAMED_WAIT_MS_MAX = 60_000;

/** Rejects as the client does. */
export async function askClaude(client: CountedClient, step: ClaudeStep): Promise<ModelAnswer> {
  for (let retries = 0; ; retries++) {
    const outcome = await tryOnce(client, step, retries);
    if ("ok" in outcome) return outcome;
    await step.pause(outcome);
  }
}

/** The wait before another try, if there is to be one. */
async function tryOnce(client: CountedClient, step: ClaudeStep, retries: number): Promise<ModelAnswer | Wait> {
  const posting = {
    path: "/v1/messages",
    headers: {
      "x-api-key": step.apiKey,
      "anthropic-version": "2023-06-01",
      [ANSWER_TOKENS_HEADER]: String(step.answerTokens),
    },
    body: step.body,
    signal: step.signal,
  };
  try {
    return await client.ask(posting, async (answer) => {
      if (isSuccess(answer)) return withContentType(await readAnswer(eventsOf(answer.body), step.onTokens), answer);
      // Read before the next try too, so that the connection can be used again.
      const said = errorIn(await errorTextOf(answer.body));
      if (retries < RETRIES && shouldRetry(answer)) {
        const realMs = retryAfterMs(answer.headers, step.unixMs());
        return realMs !== undefined && realMs > 0 && realMs <= NAMED_WAIT_MS_MAX ? { realMs } : usualWait(retries, step);
      }
      return failed(`answered ${answer.statusCode}${said === "" ? "" : `: ${said}`}`);
    });
  } catch (error) {
    if (retries === RETRIES || !(error instanceof NoAnswer)) throw error;
    return usualWait(retries, step);
  }
}

function isSuccess({ statusCode }: Dispatcher.ResponseData): boolean {
  return statusCode >= 200 && statusCode < 300;
}

/** A page of HTML, for instance, has no events in it. */
function withContentType(answer: ModelAnswer, { headers }: Dispatcher.ResponseData): ModelAnswer {
  const type = String(headers["content-type"] ?? "absent");
  if (answer.ok || type.startsWith("text/event-stream")) return answer;
  return { ok: false, error: `${answer.error} (content-type: ${type.slice(0, CONTENT_TYPE_CHARS)})` };
}

const CONTENT_TYPE_CHARS = 100;

/** What the service says itself wins. */
function shouldRetry({ statusCode, headers }: Dispatcher.ResponseData): boolean {
  const said = headers["x-should-retry"];
  if (said === "true") return true;
  if (said === "false") return false;
  return RETRIED.has(statusCode) || statusCode >= 500;
}

/** 0.5 s, doubled each time up to 8 s, less up to a quarter. */
function usualWait(retries: number, { random }: ClaudeStep): Wait {
  return { fleetMs: Math.min(500 * 2 ** retries, 8_000) * (1 - random() / 4) };
}

async function readAnswer(events: AsyncIterable<EventSourceMessage>, onTokens: OnTokens): Promise<ModelAnswer> {
  let text = "";
  let inputTokens = 0;
  let outputTokens = 0;
  for await (const { event: name, data } of events) {
    if (name === "error") return failed(`broke off: ${errorIn(data)}`);
    if (data === "" || name === "ping") continue;
    // How the API's imitators end a stream.
    if (data === "[DONE]") break;
    const event = jsonIn(data);
    if (!isObject(event)) return failed(`sent an event that is no JSON object: ${errorIn(data)}`);
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
        if (text.length > ANSWER_CHARS_MAX) return failed(`answered with more than ${ANSWER_CHARS_MAX} characters`);
        // How many tokens an event carries is not said; four characters are one.
        onTokens(piece, Math.max(1, Math.round(piece.length / 4)));
        break;
      }
      case "message_delta":
        outputTokens = tokensIn(event["usage"], "output_tokens");
        break;
      case "message_stop":
        return { ok: true, text, inputTokens, outputTokens };
      case "error":
        return failed(`broke off: ${errorIn(data)}`);
    }
  }
  return failed("ended its answer before it was done");
}

function failed(what: string): ModelAnswer {
  return { ok: false, error: `the Claude API ${what}` };
}

/** What is read from the cache and what is written to it is input too. */
function allInput(usage: unknown): number {
  const parts = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
  return parts.reduce((sum, part) => sum + tokensIn(usage, part), 0);
}
