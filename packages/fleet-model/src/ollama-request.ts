/** What goes into the Ollama scheduler and what comes out. */
import type { LlmModel } from "./llm-models.ts";

/** `Id`: a text for a server, a number where millions of requests are simulated. */
export interface OllamaRequest<Id = string> {
  /** Unique among the requests in hand. */
  id: Id;
  model: LlmModel;
  /** Cut to the context length. With `outputTokens` 0 and no prompt the request only loads the model. */
  promptTokens: number;
  outputTokens: number;
  /** Requests of one conversation find their common prefix in the slot that served the last of them. */
  conversation?: Id;
  /** num_ctx; a loaded model with another one is loaded again. */
  contextTokens?: number;
  /** keep_alive: replaces the loaded model's; 0 unloads it once idle, Infinity keeps it. */
  keepAliveMs?: number;
}

export type OllamaEvent =
  | { type: "request"; request: OllamaRequest }
  /** The client is gone, or no longer wants the answer. */
  | { type: "cancel"; id: string }
  /** An empty prompt with keep_alive 0. */
  | { type: "unload"; model: string };

export type OllamaEffect<Id = string> =
  /** HTTP 503: MAX_QUEUE requests wait for a load already. */
  | { type: "refused"; id: Id; atMs: number }
  /** Prefill is done, decode begins. */
  | { type: "answering"; id: Id; atMs: number }
  | { type: "finished"; id: Id; atMs: number; timings: OllamaTimings }
  | { type: "model_loaded"; model: string; atMs: number }
  | { type: "model_unloaded"; model: string; atMs: number };

/**
 * As Ollama accounts for a request, in milliseconds. The wait for a slot is in none of the parts, only in the total:
 * total - (load + promptEval + eval).
 */
export interface OllamaTimings {
  totalMs: number;
  /** From the request's arrival until its model was there; 0 for a loaded one. */
  loadMs: number;
  /** The whole prompt, cached or not. */
  promptTokens: number;
  /** Of those, the ones found in the slot's cache. */
  cachedTokens: number;
  promptEvalMs: number;
  outputTokens: number;
  evalMs: number;
}

/** A model in memory, as GET /api/ps has it. */
export interface LoadedModel {
  model: LlmModel;
  totalBytes: number;
  vramBytes: number;
  contextTokens: number;
  /** Infinity: never; while it serves: as if it went idle now. */
  expiresInMs: number;
  /** Requests with a slot. */
  active: number;
  /** Requests that wait for one. */
  waiting: number;
}
