/** The three forms in which Ollama answers: its own two endpoints as NDJSON or one object, OpenAI's as events or one object. */
import type { ServerResponse } from "node:http";
import type { OllamaTimings } from "@hubscale/fleet-model";
import { sendJson } from "../stubs/stub-server.ts";
import { answerTokens } from "../stubs/token-text.ts";
import { contextOf, type DoneReason, metricsOf } from "./ollama-bodies.ts";

export interface AnswerWriter {
  /** More of the answer; not called unless it streams. */
  tokens(count: number): void;
  end(timings: OllamaTimings, reason: DoneReason): void;
  /** The model's process is gone in the middle of an answer. */
  breakOff(): void;
}

/** What Ollama says when its runner ends; after the first token it can only come as a line of its own, and the status stays 200. */
const BROKEN_OFF_TEXT = "an error was encountered while running the model";

export interface AnswerTo {
  response: ServerResponse;
  model: string;
  stream: boolean;
  /** RFC 3339. */
  now(): string;
}

/** `generate` has its text in `response`, `chat` in a message. */
export function ollamaWriter({ response, model, stream, now }: AnswerTo, endpoint: "generate" | "chat"): AnswerWriter {
  const piece = (text: string) =>
    endpoint === "chat" ? { message: { role: "assistant", content: text } } : { response: text };
  let sent = 0;
  const open = () => {
    if (!response.headersSent) response.writeHead(200, { "content-type": "application/x-ndjson" });
  };
  return {
    tokens(count) {
      open();
      const created_at = now();
      const lines = answerTokens(sent, count).map((text) => JSON.stringify({ model, created_at, ...piece(text), done: false }));
      sent += count;
      response.write(`${lines.join("\n")}\n`);
    },
    end(timings, done_reason) {
      const text = stream ? "" : answerTokens(0, timings.outputTokens).join("");
      const context = endpoint === "generate" && timings.outputTokens > 0 ? { context: contextOf(timings) } : {};
      const last = { model, created_at: now(), ...piece(text), done: true, done_reason, ...context, ...metricsOf(timings) };
      if (!stream) return sendJson(response, 200, last);
      open();
      response.end(`${JSON.stringify(last)}\n`);
    },
    breakOff() {
      const body = { error: BROKEN_OFF_TEXT };
      if (response.headersSent) response.end(`${JSON.stringify(body)}\n`);
      else sendJson(response, 500, body);
    },
  };
}

export interface OpenAiAnswer {
  id: string;
  includeUsage: boolean;
  /** `chat`: /v1/chat/completions; `text`: /v1/completions. */
  kind: "chat" | "text";
}

export function openAiWriter(to: AnswerTo, { id, includeUsage, kind }: OpenAiAnswer): AnswerWriter {
  const { response, model, stream } = to;
  const choice = (content: string, finish_reason: DoneReason | null) =>
    kind === "text"
      ? { text: content, index: 0, finish_reason }
      : { index: 0, delta: { role: "assistant", content }, finish_reason };
  const head = (object: string) => ({
    id,
    object,
    created: Math.floor(Date.parse(to.now()) / 1_000),
    model,
    system_fingerprint: "fp_ollama",
  });
  const usageOf = ({ promptTokens, outputTokens }: OllamaTimings) => ({
    prompt_tokens: promptTokens,
    completion_tokens: outputTokens,
    total_tokens: promptTokens + outputTokens,
  });
  const chunk = (choices: unknown[], more = {}) =>
    `data: ${JSON.stringify({ ...head(kind === "text" ? "text_completion" : "chat.completion.chunk"), choices, ...more })}\n\n`;
  let sent = 0;
  const open = () => {
    if (!response.headersSent) response.writeHead(200, { "content-type": "text/event-stream" });
  };
  return {
    tokens(count) {
      open();
      const events = answerTokens(sent, count).map((content) => chunk([choice(content, null)]));
      sent += count;
      response.write(events.join(""));
    },
    end(timings, finish_reason) {
      if (!stream) {
        const content = answerTokens(0, timings.outputTokens).join("");
        const whole =
          kind === "text"
            ? { ...head("text_completion"), choices: [choice(content, finish_reason)] }
            : { ...head("chat.completion"), choices: [{ index: 0, message: { role: "assistant", content }, finish_reason }] };
        return sendJson(response, 200, { ...whole, usage: usageOf(timings) });
      }
      open();
      const last = chunk([choice("", finish_reason)]);
      response.end(`${last}${includeUsage ? chunk([], { usage: usageOf(timings) }) : ""}data: [DONE]\n\n`);
    },
    breakOff() {
      const body = { error: { message: BROKEN_OFF_TEXT, type: "api_error", param: null, code: null } };
      if (response.headersSent) response.end(`data: ${JSON.stringify(body)}\n\n`);
      else sendJson(response, 500, body);
    },
  };
}
