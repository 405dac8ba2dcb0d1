/** The one way in for files that the bench wrote and reads again: what comes out is as its schema says, so no reader checks it once more. */
import { readJsonFile } from "@hubscale/hub-runtime/files";
import type { Static, TSchema } from "typebox";
import { schemaProblems } from "./schema-problems.ts";

/** A kind of file. */
export interface FileKind<Schema extends TSchema> {
  schema: Schema;
  /** What its field `schema` says; undefined: it has none. */
  name?: string;
  /** That writes such a file; undefined: the caller says what to do. */
  command?: string;
}

export type FileRead<Value> = { ok: true; value: Value } | { ok: false; problem: string };

/** `problem`: one line, with the file, the place where it can be told, and what to do. Fields that the schema does not know stay in. */
export function readResultFile<Schema extends TSchema>(file: string, kind: FileKind<Schema>): FileRead<Static<Schema>> {
  const remedy = kind.command === undefined ? "" : `; take the file from a copy, or write it anew with \`${kind.command}\``;
  const read = readJsonFile(file);
  if (!read.ok) return { ok: false, problem: `${read.problem}${remedy}` };
  const { value, at } = read.json;
  const name = typeof value === "object" && value !== null ? (value as { schema?: unknown }).schema : undefined;
  if (kind.name !== undefined && name !== kind.name) {
    const its = typeof name === "object" ? JSON.stringify(name).slice(0, 40) : String(name).slice(0, 40);
    return { ok: false, problem: `${file} has schema '${its}'; '${kind.name}' is wanted${remedy}` };
  }
  const problems = schemaProblems(kind.schema, value, at);
  if (problems.length === 0) return { ok: true, value: value as Static<Schema> };
  const others = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  return { ok: false, problem: `${problems[0]}${others}${remedy}` };
}
