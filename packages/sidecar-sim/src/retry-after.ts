/** How long a server asks to wait before the next try. */

/** As undici gives them. */
export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

/**
 * Milliseconds in `retry-after-ms`, or else in `retry-after`, which has seconds or an HTTP date; read as Anthropic's SDK reads them.
 * Undefined: neither says a number. May be negative or infinite.
 */
export function retryAfterMs(headers: AnswerHeaders, nowMs: number): number | undefined {
  const ms = Number.parseFloat(textOf(headers["retry-after-ms"]));
  if (ms) return ms;
  const text = textOf(headers["retry-after"]);
  const seconds = Number.parseFloat(text);
  const fromText = Number.isNaN(seconds) ? Date.parse(text) - nowMs : seconds * 1_000;
  return Number.isNaN(fromText) ? undefined : fromText;
}

/** A hub limits by the minute. After this wait it is asked again, however long a wait it named. */
export const HUB_RETRY_MS_MAX = 300_000;
/** A hub that names no wait at all is not flooded. */
const HUB_RETRY_MS_MIN = 50;

/** A wait that a hub named, brought between the two bounds. */
export function boundedHubRetryMs(ms: number): number {
  return Math.min(HUB_RETRY_MS_MAX, Math.max(HUB_RETRY_MS_MIN, ms));
}

function textOf(value: string | string[] | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? "";
}
