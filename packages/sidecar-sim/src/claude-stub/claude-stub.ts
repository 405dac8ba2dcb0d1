/** A Claude API without a model: the Messages API over HTTP, limited and timed by the fleet model's rules. */
import {
  CLAUDE_MODELS,
  type ClaudeAnswer,
  ClaudeService,
  type ClaudeTier,
  type Distribution,
  draw,
  type Random,
} from "@hubscale/fleet-model";
import type { Cancel, Clock } from "../clock.ts";
import { ScaledTime } from "../stubs/scaled-time.ts";
import { sendJson, type StubCall, type StubTraffic, startStubServer } from "../stubs/stub-server.ts";
import { Ticker } from "../stubs/ticker.ts";
import { ANSWER_TOKENS_HEADER } from "../stubs/answer-length.ts";
import { isFields } from "../stubs/json-fields.ts";
import { type ErrorType, errorBody, limitHeaders, rateLimitText, STATUS_OF, type StopReason } from "./claude-bodies.ts";
import { type MessagesAsk, readMessagesAsk, readPrompt } from "./claude-input.ts";
import { MessageStream, type MessageTo, sendWhole } from "./message-stream.ts";

export interface ClaudeStubOptions {
  /** 0: any. */
  port: number;
  tier: ClaudeTier;
  /** Length of an answer in tokens, cut by max_tokens. */
  answerTokens: Distribution;
  /** 0 to 1: turned away with 529. */
  overloadedShare: number;
  /** 0 to 1: streams that break off half-way with an `error` event. */
  brokenOffShare: number;
  /** Tokens in one event of a stream; how many the real service sends was not found, and one makes the most bytes. */
  tokensPerEvent: number;
  random: Random;
  clock: Clock;
  /** How many times faster than life; other than 1 a 429 carries `retry-after-ms` too, since whole seconds are too coarse then. */
  timeScale: number;
}

export interface ClaudeStub {
  port: number;
  url: string;
  counts(): ClaudeCounts;
  traffic(): StubTraffic;
  close(): Promise<void>;
}

export interface ClaudeCounts {
  answered: number;
  rateLimited: number;
  overloaded: number;
  /** Broken off by the stub. */
  brokenOff: number;
  /** Clients that left before the end. */
  abandoned: number;
}

/** docs.claude.com/en/api/errors: 32 MB for the Messages API. */
const MAX_BODY_BYTES = 32 * 2 ** 20;

/** What a client is told that can never be admitted. */
const NEVER_RETRY_MS = 60_000;

export async function startClaudeStub(options: ClaudeStubOptions): Promise<ClaudeStub> {
  const time = new ScaledTime(options.clock, options.timeScale);
  const ticker = new Ticker(time);
  const api = new ClaudeApi(options, time, ticker);
  const server = await startStubServer({
    port: options.port,
    maxBodyBytes: MAX_BODY_BYTES,
    answer: (call) => api.answer(call),
    refuse: (response, problem, detail) =>
      problem === "too_large"
        ? api.sendError(response, "request_too_large", "Request exceeds the maximum size")
        : api.sendError(response, "invalid_request_error", `The request body is not valid JSON: ${detail}`),
  });
  return {
    port: server.port,
    url: server.url,
    counts: () => ({ ...api.counts }),
    traffic: () => server.traffic(),
    async close() {
      api.close();
      ticker.close();
      await server.close();
    },
  };
}

/** A token whose time has come to a millionth is there. */
const TOKEN_ROUNDING = 1e-6;

/** When an answer's tokens come, in the fleet's time. */
interface Pace {
  firstTokenMs: number;
  perMs: number;
  outputTokens: number;
  stopReason: StopReason;
}

class ClaudeApi {
  readonly counts: ClaudeCounts = { answered: 0, rateLimited: 0, overloaded: 0, brokenOff: 0, abandoned: 0 };
  private readonly options: ClaudeStubOptions;
  private readonly time: ScaledTime;
  private readonly ticker: Ticker;
  private readonly service: ClaudeService;
  /** Timers of answers that have not begun, or are not streamed. */
  private readonly waits = new Set<Cancel>();
  private requests = 0;

  constructor(options: ClaudeStubOptions, time: ScaledTime, ticker: Ticker) {
    this.options = options;
    this.time = time;
    this.ticker = ticker;
    const { tier, overloadedShare, random } = options;
    this.service = new ClaudeService({ tier, overloadedShare, random }, time.nowMs());
  }

  answer(call: StubCall): void {
    const { response } = call;
    if (call.headers["x-api-key"] === undefined && call.headers.authorization === undefined) {
      return this.sendError(response, "authentication_error", "x-api-key header is required");
    }
    if (call.headers["anthropic-version"] === undefined) {
      return this.sendError(response, "invalid_request_error", "anthropic-version: header is required");
    }
    switch (`${call.method} ${call.path}`) {
      case "POST /v1/messages":
        return this.messages(call);
      case "POST /v1/messages/count_tokens":
        return this.countTokens(call);
      case "GET /v1/models":
        return sendJson(response, 200, MODELS_BODY, { "request-id": this.requestId() });
      default:
        this.sendError(response, "not_found_error", `Not found: ${call.path}`);
    }
  }

  sendError(response: StubCall["response"], type: ErrorType, message: string, headers: Record<string, string> = {}): void {
    const requestId = this.requestId();
    sendJson(response, STATUS_OF[type], errorBody(type, message, requestId), { "request-id": requestId, ...headers });
  }

  close(): void {
    for (const cancel of this.waits) cancel();
  }

  private countTokens({ body, response }: StubCall): void {
    const prompt = isFields(body) ? readPrompt(body) : { ok: false as const, problem: "messages: Field required" };
    if (!prompt.ok) return this.sendError(response, "invalid_request_error", prompt.problem);
    sendJson(response, 200, { input_tokens: prompt.inputTokens }, { "request-id": this.requestId() });
  }

  private messages(call: StubCall): void {
    const read = readMessagesAsk(call.body);
    if (!read.ok) return this.sendError(call.response, read.type, read.message);
    const { ask } = read;
    const nowMs = this.time.nowMs();
    const { model, inputTokens, prefixes, maxTokens: maxOutputTokens } = ask;
    const outcome = this.service.begin({ model, inputTokens, maxOutputTokens, prefixes }, nowMs);
    if (outcome.ok) return this.respond(call, ask, outcome.answer);
    if (outcome.refusal === "overloaded") {
      this.counts.overloaded++;
      return this.sendError(call.response, "overloaded_error", "Overloaded");
    }
    this.counts.rateLimited++;
    const limits = this.service.limits(model.class, nowMs);
    this.sendError(call.response, "rate_limit_error", rateLimitText(outcome.limit, limits[outcome.limit]), {
      ...this.limitHeaders(ask),
      ...this.retryHeaders(outcome.retryAfterMs),
    });
  }

  private respond(call: StubCall, ask: MessagesAsk, answer: ClaudeAnswer): void {
    const { outputTokens, stopReason } = this.answerLength(ask, call.headers[ANSWER_TOKENS_HEADER]);
    const requestId = this.requestId();
    const to: MessageTo = {
      response: call.response,
      headers: { "request-id": requestId, ...this.limitHeaders(ask) },
      requestId,
      messageId: requestId.replace("req_", "msg_"),
      model: ask.modelName,
      answer,
      tokensPerEvent: this.options.tokensPerEvent,
    };
    const pace = { firstTokenMs: this.time.nowMs() + answer.ttftMs, perMs: answer.tokensPerSec / 1_000 };
    if (ask.stream) this.streamAnswer(call, to, { ...pace, outputTokens, stopReason });
    else this.wholeAnswer(call, to, { ...pace, outputTokens, stopReason });
  }

  private streamAnswer(call: StubCall, to: MessageTo, { firstTokenMs, perMs, outputTokens, stopReason }: Pace): void {
    const stream = new MessageStream(to);
    const isToBreak = this.options.random() < this.options.brokenOffShare;
    const lastToken = isToBreak ? Math.ceil(outputTokens / 2) : outputTokens;
    let stopTicks: Cancel | undefined;
    let cancelLast: Cancel | undefined;
    const end = (count: keyof ClaudeCounts) => {
      stopTicks?.();
      cancelLast?.();
      this.finish(to.answer, stream.sentTokens, count);
    };
    const onTick = () => {
      const due = Math.min(lastToken, Math.floor((this.time.nowMs() - firstTokenMs) * perMs + TOKEN_ROUNDING));
      stream.sendUpTo(due, due === lastToken);
      if (due < lastToken) return;
      if (isToBreak) stream.breakOff();
      else stream.end(stopReason);
      end(isToBreak ? "brokenOff" : "answered");
    };
    const cancelWait = this.wait(firstTokenMs, () => {
      stream.begin();
      stopTicks = this.ticker.add(onTick);
      // The end has a timer of its own: up to a tick late, times the scale, every step of a task would take longer.
      cancelLast = this.wait(firstTokenMs + lastToken / perMs, onTick);
    });
    call.onGone(() => {
      cancelWait();
      end("abandoned");
    });
  }

  private wholeAnswer(call: StubCall, to: MessageTo, { firstTokenMs, perMs, outputTokens, stopReason }: Pace): void {
    const cancelWait = this.wait(firstTokenMs + outputTokens / perMs, () => {
      sendWhole(to, outputTokens, stopReason);
      this.finish(to.answer, outputTokens, "answered");
    });
    call.onGone(() => {
      cancelWait();
      this.finish(to.answer, Math.max(0, Math.floor((this.time.nowMs() - firstTokenMs) * perMs)), "abandoned");
    });
  }

  private finish(answer: ClaudeAnswer, outputTokens: number, count: keyof ClaudeCounts): void {
    this.counts[count]++;
    this.service.end(answer, outputTokens, this.time.nowMs());
  }

  /** A client that plans its tasks names the length; otherwise it is drawn. */
  private answerLength(ask: MessagesAsk, named: unknown): { outputTokens: number; stopReason: StopReason } {
    const isNamed = typeof named === "string" && /^[1-9]\d{0,8}$/.test(named);
    const wanted = isNamed ? Number(named) : Math.max(1, Math.round(draw(this.options.answerTokens, this.options.random)));
    return wanted > ask.maxTokens
      ? { outputTokens: ask.maxTokens, stopReason: "max_tokens" }
      : { outputTokens: wanted, stopReason: "end_turn" };
  }

  private wait(atMs: number, run: () => void): Cancel {
    const cancel = this.time.at(atMs, () => {
      this.waits.delete(cancel);
      run();
    });
    this.waits.add(cancel);
    return () => {
      this.waits.delete(cancel);
      cancel();
    };
  }

  private limitHeaders(ask: MessagesAsk): Record<string, string> {
    const limits = this.service.limits(ask.model.class, this.time.nowMs());
    return limitHeaders(limits, (inMs) => new Date(this.time.realUnixMs(inMs)));
  }

  private retryHeaders(fleetMs: number): Record<string, string> {
    const realMs = Math.ceil(this.time.toRealMs(Number.isFinite(fleetMs) ? fleetMs : NEVER_RETRY_MS));
    const headers = { "retry-after": String(Math.max(1, Math.ceil(realMs / 1_000))) };
    return this.time.scale === 1 ? headers : { ...headers, "retry-after-ms": String(realMs) };
  }

  private requestId(): string {
    return `req_stub${String(this.requests++).padStart(16, "0")}`;
  }
}

const MODELS_BODY = {
  data: CLAUDE_MODELS.map(({ id }) => ({ type: "model", id, display_name: id, created_at: "2026-01-01T00:00:00Z" })),
  has_more: false,
  first_id: CLAUDE_MODELS[0]?.id ?? null,
  last_id: CLAUDE_MODELS.at(-1)?.id ?? null,
};
