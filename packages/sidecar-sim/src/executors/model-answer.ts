import { isObject } from "./answer-text.ts";

/** What comes of one request to a model. */
export type ModelAnswer =
  | { ok: true; text: string; inputTokens: number; outputTokens: number }
  /** The service refused, broke off or could not be reached; `error` says so in a sentence. */
  | { ok: false; error: string };

/** Tokens as they stream in. */
export type OnTokens = (text: string, tokens: number) => void;

/** Characters of one answer: twice the million tokens that a request may ask for. An answer without an end does not fill the memory. */
export const ANSWER_CHARS_MAX = 2 ** 23;

/** No request has so many. A larger number, or anything else, is not a count. */
const TOKENS_MAX = 1e9;

/** A number of tokens that the service says, 0 when it says none. */
export function tokensIn(fields: unknown, name: string): number {
  const value = isObject(fields) ? fields[name] : undefined;
  return typeof value === "number" && value >= 0 && value <= TOKENS_MAX ? Math.floor(value) : 0;
}
