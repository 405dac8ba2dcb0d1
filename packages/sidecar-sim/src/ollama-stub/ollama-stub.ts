/** An Ollama without a GPU: the real HTTP interface, timed by the fleet model's rules. */
import {
  type Distribution,
  draw,
  LLM_MODELS,
  type LlmModel,
  type LoadedModel,
  type OllamaSettings,
  QUEUE_FULL_TEXT,
  type Random,
} from "@hubscale/fleet-model";
import type { Clock } from "../clock.ts";
import { ScaledTime } from "../stubs/scaled-time.ts";
import { isFields } from "../stubs/json-fields.ts";
import { sendJson, type StubCall, type StubTraffic, startStubServer } from "../stubs/stub-server.ts";
import { Ticker } from "../stubs/ticker.ts";
import { type AnswerWriter, ollamaWriter, openAiWriter } from "./answer-writer.ts";
import { OLLAMA_VERSION, openAiModelsBody, psBody, showBody, tagsBody } from "./ollama-bodies.ts";
import { OllamaDriver } from "./ollama-driver.ts";
import { type Ask, type AskOutcome, readOllamaAsk, readOpenAiAsk, readOpenAiTextAsk } from "./ollama-input.ts";

export interface OllamaStubOptions {
  /** 0: any. */
  port: number;
  /** Of the loopback network; default 127.0.0.1. */
  address?: string;
  settings: OllamaSettings;
  /** What can be asked for; all that the fleet model knows by default. */
  models?: readonly LlmModel[];
  /** Length of an answer in tokens, cut by num_predict or max_tokens; an infinite one always goes to that limit. */
  answerTokens: Distribution;
  /** 0 to 1: answers that break off half-way, as when the model's process dies; the work of the whole answer is done all the same. */
  brokenOffShare?: number;
  random: Random;
  clock: Clock;
  /** How many times faster than life. Durations in answers are as in life. */
  timeScale: number;
}

export interface OllamaStub {
  port: number;
  url: string;
  loadedModels(): LoadedModel[];
  traffic(): StubTraffic;
  close(): Promise<void>;
}

/** Larger than any prompt that a context holds. */
const MAX_BODY_BYTES = 64 * 2 ** 20;

/** An answer without a limit ends here, as Ollama's does at ten times the context, for the shortest of contexts. */
const LONGEST_ANSWER_TOKENS = 40_960;

type Endpoint = "generate" | "chat" | "openai-chat" | "openai-text";

function readAsk(endpoint: Endpoint, body: unknown): AskOutcome {
  switch (endpoint) {
    case "openai-chat":
      return readOpenAiAsk(body);
    case "openai-text":
      return readOpenAiTextAsk(body);
    default:
      return readOllamaAsk(body);
  }
}

/** The two forms that errors have. */
type ErrorForm = "ollama" | "openai";

export async function startOllamaStub(options: OllamaStubOptions): Promise<OllamaStub> {
  const time = new ScaledTime(options.clock, options.timeScale);
  const ticker = new Ticker(time);
  const driver = new OllamaDriver(options.settings, { time, ticker });
  const api = new OllamaApi(options, driver, time);
  const server = await startStubServer({
    port: options.port,
    ...(options.address !== undefined && { address: options.address }),
    maxBodyBytes: MAX_BODY_BYTES,
    answer: (call) => api.answer(call),
    refuse: (response, problem, detail) => sendJson(response, problem === "too_large" ? 413 : 400, { error: detail }),
  });
  return {
    port: server.port,
    url: server.url,
    loadedModels: () => api.loadedModels(),
    traffic: () => server.traffic(),
    async close() {
      driver.close();
      ticker.close();
      await server.close();
    },
  };
}

class OllamaApi {
  private readonly options: OllamaStubOptions;
  private readonly driver: OllamaDriver;
  private readonly time: ScaledTime;
  private readonly models: readonly LlmModel[];
  private asked = 0;

  constructor(options: OllamaStubOptions, driver: OllamaDriver, time: ScaledTime) {
    this.options = options;
    this.driver = driver;
    this.time = time;
    this.models = options.models ?? LLM_MODELS;
  }

  loadedModels(): LoadedModel[] {
    this.driver.catchUp();
    return this.driver.server.loadedModels();
  }

  answer(call: StubCall): void {
    const { response } = call;
    switch (`${call.method} ${call.path}`) {
      case "GET /":
      case "HEAD /":
        response.writeHead(200, { "content-type": "text/plain; charset=utf-8" }).end("Ollama is running");
        return;
      case "GET /api/version":
        return sendJson(response, 200, { version: OLLAMA_VERSION });
      case "GET /api/tags":
        return sendJson(response, 200, tagsBody(this.models));
      case "GET /api/ps":
        return sendJson(
          response,
          200,
          psBody(this.loadedModels(), (inMs) => new Date(this.time.realUnixMs(inMs))),
        );
      case "POST /api/show":
        return this.show(call);
      case "POST /api/generate":
        return this.complete(call, "generate");
      case "POST /api/chat":
        return this.complete(call, "chat");
      case "GET /v1/models":
        return sendJson(response, 200, openAiModelsBody(this.models));
      case "POST /v1/chat/completions":
        return this.complete(call, "openai-chat");
      case "POST /v1/completions":
        return this.complete(call, "openai-text");
      default:
        response.writeHead(404, { "content-type": "text/plain" }).end("404 page not found");
    }
  }

  private show({ body, response }: StubCall): void {
    const name = isFields(body) ? (body.model ?? body.name) : undefined;
    const model = this.models.find((known) => known.name === name);
    if (model) sendJson(response, 200, showBody(model));
    else sendError(response, "ollama", { status: 404, message: `model '${String(name ?? "")}' not found` });
  }

  private complete(call: StubCall, endpoint: Endpoint): void {
    const isOpenAi = endpoint === "openai-chat" || endpoint === "openai-text";
    const form: ErrorForm = isOpenAi ? "openai" : "ollama";
    const { response } = call;
    const read = readAsk(endpoint, call.body);
    if (!read.ok) return sendError(response, form, { status: 400, message: read.problem });
    const { ask } = read;
    const model = this.models.find(({ name }) => name === ask.model);
    if (!model) {
      return sendError(response, form, { status: 404, message: `model "${ask.model}" not found, try pulling it first` });
    }
    const now = () => this.time.rfc3339Nano();
    const to = { response, model: model.name, stream: ask.stream, now };
    const id = `${this.asked++}`;
    const { includeUsage } = ask;
    const writer =
      endpoint === "openai-chat"
        ? openAiWriter(to, { id: `chatcmpl-${id}`, includeUsage, kind: "chat" })
        : endpoint === "openai-text"
          ? openAiWriter(to, { id: `cmpl-${id}`, includeUsage, kind: "text" })
          : ollamaWriter(to, endpoint);
    if (ask.promptTokens === 0 && ask.keepAliveMs === 0) {
      this.driver.unload(model.name);
      return writer.end(NO_WORK, "unload");
    }
    this.ask(call, { id, ask, model, writer, form });
  }

  private ask(
    call: StubCall,
    { id, ask, model, writer, form }: { id: string; ask: Ask; model: LlmModel; writer: AnswerWriter; form: ErrorForm },
  ): void {
    const { outputTokens, reason } = this.answerLength(ask);
    const request = {
      id,
      model,
      promptTokens: ask.promptTokens,
      outputTokens,
      ...(ask.conversation !== undefined && { conversation: ask.conversation }),
      ...(ask.contextTokens !== undefined && { contextTokens: ask.contextTokens }),
      ...(ask.keepAliveMs !== undefined && { keepAliveMs: ask.keepAliveMs }),
    };
    const { brokenOffShare = 0, random } = this.options;
    const breaksAt = random() < brokenOffShare ? Math.ceil(outputTokens / 2) : Number.POSITIVE_INFINITY;
    let told = 0;
    const tokens = (count: number) => {
      const fresh = Math.min(count, breaksAt - told);
      if (fresh <= 0) return;
      told += fresh;
      writer.tokens(fresh);
      if (told >= breaksAt) writer.breakOff();
    };
    call.onGone(() => this.driver.cancel(id));
    this.driver.ask(request, {
      refused: () => sendError(call.response, form, { status: 503, message: QUEUE_FULL_TEXT }),
      finished: (timings) => {
        if (breaksAt === Number.POSITIVE_INFINITY) writer.end(timings, reason);
        else if (told < breaksAt) writer.breakOff();
      },
      ...(ask.stream && { tokens }),
    });
  }

  private answerLength(ask: Ask): { outputTokens: number; reason: "stop" | "length" | "load" } {
    if (ask.promptTokens === 0) return { outputTokens: 0, reason: "load" };
    const limit = ask.maxOutputTokens ?? LONGEST_ANSWER_TOKENS;
    const wanted = Math.max(1, Math.round(draw(this.options.answerTokens, this.options.random)));
    return wanted > limit ? { outputTokens: limit, reason: "length" } : { outputTokens: wanted, reason: "stop" };
  }
}

const NO_WORK = { totalMs: 0, loadMs: 0, promptTokens: 0, cachedTokens: 0, promptEvalMs: 0, outputTokens: 0, evalMs: 0 };

function sendError(
  response: StubCall["response"],
  form: ErrorForm,
  { status, message }: { status: number; message: string },
): void {
  if (form === "ollama") return sendJson(response, status, { error: message });
  const type = { 400: "invalid_request_error", 404: "not_found_error" }[status] ?? "api_error";
  sendJson(response, status, { error: { message, type, param: null, code: null } });
}
