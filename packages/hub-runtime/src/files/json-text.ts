/** JSON from files: what `JSON.parse` takes silently (a field that is there twice, any depth) is named, and every place has a line. */
import { lineAt } from "./input-text.ts";

export type FieldPath = readonly (string | number)[];

/** `line` of what is wrong; null where the parser does not tell. */
export type JsonParsed =
  | { ok: true; value: unknown; lineOf(path: FieldPath): number }
  | { ok: false; line: number | null; problem: string };

/** Deeper than everything that is written here, and far from where recursion over a value ends. */
export const JSON_DEPTH_MAX = 100;

export function parseJsonText(text: string): JsonParsed {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return syntaxProblem(text, (error as Error).message);
  }
  const fault = faultIn(text);
  if (fault) return { ok: false, line: lineAt(text, fault.offset), problem: fault.problem };
  return { ok: true, value, lineOf: (path) => lineAt(text, offsetOf(text, path)) };
}

function syntaxProblem(text: string, message: string): JsonParsed {
  const position = /at position (\d+)/.exec(message)?.[1];
  const offset = position === undefined ? null : Number(position);
  if (/end of JSON input|Unterminated/i.test(message) || (offset ?? 0) >= text.trimEnd().length) {
    return { ok: false, line: lineAt(text, text.length), problem: "the JSON is cut off here" };
  }
  const line = offset === null ? null : lineAt(text, offset);
  return { ok: false, line, problem: `not JSON: ${message.replaceAll(/\s+/g, " ")}` };
}

function faultIn(text: string): { offset: number; problem: string } | undefined {
  const names: Set<string>[] = [];
  for (const { offset, path, isName } of placesIn(text)) {
    if (path.length > JSON_DEPTH_MAX) return { offset, problem: `nested more than ${JSON_DEPTH_MAX} levels deep` };
    const level = path.length - 1;
    if (!isName) {
      names[level] = new Set();
      continue;
    }
    const known = names[level] as Set<string>;
    const name = String(path[level]);
    if (known.has(name)) return { offset, problem: `the field ${path.join(".")} is there twice` };
    known.add(name);
  }
  return undefined;
}

/** Of the field at the path, or of the nearest around it that is there. */
function offsetOf(text: string, path: FieldPath): number {
  let best = 0;
  let depth = 0;
  for (const place of placesIn(text)) {
    if (place.path.length !== depth + 1 || String(place.path[depth]) !== String(path[depth])) continue;
    if (place.path.some((key, level) => String(key) !== String(path[level]))) continue;
    best = place.offset;
    depth++;
    if (depth === path.length) break;
  }
  return best;
}

interface Place {
  offset: number;
  /** The same array each time: it changes as the walk goes on. */
  path: FieldPath;
  isName: boolean;
}

/** Names and list items of a text that is known to be JSON, in their order. A new object or list begins with an empty last key. */
function* placesIn(text: string): Generator<Place, void> {
  const path: (string | number)[] = [];
  /** Whether the innermost is an object; its next string is a name. */
  const isObject: boolean[] = [];
  let wantsName = false;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE: {
        const end = endOfString(text, at);
        if (wantsName) {
          path[path.length - 1] = JSON.parse(text.slice(at, end + 1)) as string;
          wantsName = false;
          yield { offset: at, path, isName: true };
        }
        at = end;
        break;
      }
      case OPEN_OBJECT:
        path.push("");
        isObject.push(true);
        wantsName = true;
        yield { offset: at, path, isName: false };
        break;
      case OPEN_LIST:
        path.push(0);
        isObject.push(false);
        yield { offset: afterSpace(text, at + 1), path, isName: false };
        break;
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        path.pop();
        isObject.pop();
        wantsName = false;
        break;
      case COMMA:
        if (isObject.at(-1)) wantsName = true;
        else {
          path[path.length - 1] = Number(path.at(-1)) + 1;
          yield { offset: afterSpace(text, at + 1), path, isName: false };
        }
    }
  }
}

function afterSpace(text: string, start: number): number {
  let at = start;
  while (/\s/.test(text.charAt(at))) at++;
  return at;
}

/** Index of the quote that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
