/** What comes of one request to a model. */
export type ModelAnswer =
  | { ok: true; text: string; inputTokens: number; outputTokens: number }
  /** The service refused, broke off or could not be reached; `error` says so in a sentence. */
  | { ok: false; error: string };

/** Tokens as they stream in. */
export type OnTokens = (text: string, tokens: number) => void;

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
