/** The text of an answer as it streams in, cut into lines or events of a bounded size. */
import { createParser, type EventSourceMessage } from "eventsource-parser";

/** What the server sent cannot be used; the message says why. */
export class BrokenAnswer extends Error {}

type Body = AsyncIterable<Uint8Array>;

/** Characters of one line or event. Real ones carry a few tokens; this is as much as a frame to the hub may have. */
export const EVENT_CHARS_MAX = 2 ** 20;

/** Characters of an error's body that are read: room for a page of HTML, of which a sentence is told. */
const ERROR_BODY_CHARS_MAX = 65_536;

/** Characters of what a server says of an error. A hub takes 2,000 in a reason, and this stands within a sentence. */
const ERROR_CHARS_MAX = 300;

/** Lines that end with LF or CRLF, without the empty ones. The last one need not end. */
export async function* linesOf(body: Body): AsyncGenerator<string> {
  let parts: string[] = [];
  let chars = 0;
  for await (const text of textsOf(body)) {
    const lines = text.split("\n");
    const rest = lines.pop() ?? "";
    for (const end of lines) {
      const line = trimmed(parts, end);
      parts = [];
      chars = 0;
      if (line !== "") yield line;
    }
    if (rest !== "") parts.push(rest);
    chars += rest.length;
    if (chars > EVENT_CHARS_MAX) throw tooLong("line");
  }
  const line = trimmed(parts, "");
  if (line !== "") yield line;
}

/** Server-sent events as the standard has them: comments, multi-line data and any end of line included. */
export async function* eventsOf(body: Body): AsyncGenerator<EventSourceMessage> {
  const ready: EventSourceMessage[] = [];
  const parser = createParser({
    maxBufferSize: EVENT_CHARS_MAX,
    onEvent: (event) => ready.push(event),
    onError: ({ type }) => {
      // Unknown fields are ignored, as the standard says.
      if (type === "max-buffer-size-exceeded") throw tooLong("event");
    },
  });
  for await (const text of textsOf(body)) {
    parser.feed(text);
    yield* ready.splice(0);
  }
  // An end of line by CR alone is not known to be one before the next character.
  parser.feed("\n");
  yield* ready;
}

/** The beginning of an error's body; what breaks off is left out. */
export async function errorTextOf(body: Body): Promise<string> {
  let text = "";
  try {
    for await (const piece of textsOf(body)) {
      text += piece;
      if (text.length >= ERROR_BODY_CHARS_MAX) break;
    }
  } catch (error) {
    // The status is known and is the news.
    if (!(error instanceof Error)) throw error;
  }
  return text;
}

/** `{"error":"…"}` or `{"error":{"message":"…"}}`, or the beginning of what there is instead. */
export function errorIn(text: string): string {
  const body = jsonIn(text);
  const error = isObject(body) ? body["error"] : undefined;
  const said = isObject(error) ? error["message"] : error;
  return (typeof said === "string" ? said : text.trim()).slice(0, ERROR_CHARS_MAX);
}

/** Undefined: it is no JSON. */
export function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** Characters that were cut between two chunks are joined, and a byte order mark is dropped. */
async function* textsOf(body: Body): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const chunk of body) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

function trimmed(parts: readonly string[], end: string): string {
  const line = parts.join("") + end;
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

function tooLong(what: string): BrokenAnswer {
  return new BrokenAnswer(`more than ${EVENT_CHARS_MAX} characters in one ${what}`);
}
