/** One answer as server-sent events, or as one object when it is not streamed. */
import type { ServerResponse } from "node:http";
import type { ClaudeAnswer } from "@hubscale/fleet-model";
import { sendJson } from "../stubs/stub-server.ts";
import { answerTokens } from "../stubs/token-text.ts";
import { errorBody, messageBody, type StopReason, sseEvent, usageOf } from "./claude-bodies.ts";

export interface MessageTo {
  response: ServerResponse;
  headers: Record<string, string>;
  requestId: string;
  messageId: string;
  model: string;
  answer: ClaudeAnswer;
  /** How many tokens an event carries. */
  tokensPerEvent: number;
}

export class MessageStream {
  private readonly to: MessageTo;
  private sent = 0;

  constructor(to: MessageTo) {
    this.to = to;
  }

  get sentTokens(): number {
    return this.sent;
  }

  begin(): void {
    const { response, headers, answer, messageId: id, model } = this.to;
    response.writeHead(200, { ...headers, "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" });
    const message = messageBody(answer, { id, model, text: null, stopReason: null, outputTokens: 1 });
    const block = { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } };
    response.write([{ type: "message_start", message }, block, { type: "ping" }].map(sseEvent).join(""));
  }

  /** Sends what is there up to `tokens`, in whole events unless it is the last. */
  sendUpTo(tokens: number, isLast: boolean): void {
    const { tokensPerEvent, response } = this.to;
    const upTo = isLast ? tokens : tokens - ((tokens - this.sent) % tokensPerEvent);
    let events = "";
    while (this.sent < upTo) {
      const count = Math.min(tokensPerEvent, upTo - this.sent);
      events += sseEvent(deltaOf(answerTokens(this.sent, count).join("")));
      this.sent += count;
    }
    if (events !== "") response.write(events);
  }

  end(stopReason: StopReason): void {
    const { response, answer } = this.to;
    const delta = {
      type: "message_delta",
      delta: { stop_reason: stopReason, stop_sequence: null },
      usage: usageOf(answer, this.sent),
    };
    response.end([{ type: "content_block_stop", index: 0 }, delta, { type: "message_stop" }].map(sseEvent).join(""));
  }

  /** After a 200 an error can only come as an event. */
  breakOff(): void {
    this.to.response.end(sseEvent(errorBody("overloaded_error", "Overloaded", this.to.requestId)));
  }
}

const deltaOf = (text: string) => ({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } });

export function sendWhole(
  { response, headers, messageId: id, model, answer }: MessageTo,
  outputTokens: number,
  stopReason: StopReason,
): void {
  const text = answerTokens(0, outputTokens).join("");
  sendJson(response, 200, messageBody(answer, { id, model, text, stopReason, outputTokens }), headers);
}
