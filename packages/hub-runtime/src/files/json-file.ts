import { readInputText } from "./input-text.ts";
import { type FieldPath, parseJsonText } from "./json-text.ts";

export interface JsonFile {
  value: unknown;
  /** `file:line` of a field, or of the nearest around it that is there. */
  at(path: FieldPath): string;
}

/** One JSON value out of a file; `problem` names the file, and the line where it can. `what`: as for `readInputText`. */
export function readJsonFile(file: string, what = ""): { ok: true; json: JsonFile } | { ok: false; problem: string } {
  const read = readInputText(file, what);
  if (!read.ok) return read;
  const parsed = parseJsonText(read.text);
  if (!parsed.ok) return { ok: false, problem: `${file}${parsed.line === null ? "" : `:${parsed.line}`}: ${parsed.problem}` };
  const { value, lineOf } = parsed;
  return { ok: true, json: { value, at: (path) => `${file}:${lineOf(path)}` } };
}
