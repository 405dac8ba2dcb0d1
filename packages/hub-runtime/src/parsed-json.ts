/** JSON from strangers: what cannot be written again is not read in the first place. */
import { LIMITS } from "@hubscale/protocol";

/** Throws a `SyntaxError` for what is no JSON, or nested deeper than `LIMITS.jsonDepth`. */
export function parsedJson(text: string): unknown {
  // A text that is nested so deep has at least an opening and a closing bracket for each level: most frames are shorter.
  if (text.length > 2 * LIMITS.jsonDepth && isTooDeep(text)) {
    throw new SyntaxError(`nested more than ${LIMITS.jsonDepth} levels deep`);
  }
  return JSON.parse(text);
}

/** Of a text that is no JSON the answer means nothing; the parser has the last word on it. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at);
        break;
      case OPEN_ARRAY:
      case OPEN_OBJECT:
        if (++depth > LIMITS.jsonDepth) return true;
        break;
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        depth--;
    }
  }
  return false;
}

/** Index of the quote that ends the string which begins at `start`; the text's end when none does. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end >= 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end < 0 ? text.length : end;
}

function isEscaped(text: string, quote: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes++;
  return backslashes % 2 === 1;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
