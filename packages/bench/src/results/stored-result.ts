/** Folders of results: whether one can be written, and the result that one holds. What goes into it: report/report-files.ts. */
import { accessSync, constants, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { COMPARE_SCHEMA, type CompareResult } from "./compare-result.ts";

/** Where a command that only reads results speaks. */
export interface ReportStreams {
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
}

/** Makes the folder if needed and checks that it can be written, before anything is measured. Undefined: all well; else why not. */
export function unwritable(dir: string): string | undefined {
  try {
    makeFolder(dir);
    accessSync(dir, constants.W_OK);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** With its parents. Not by Node's own recursive way, which never returns below a file system that makes no folders, such as /proc. */
export function makeFolder(dir: string): void {
  if (existsSync(dir)) return;
  const parent = dirname(dir);
  if (parent !== dir) makeFolder(parent);
  mkdirSync(dir);
}

/** A result from a folder or a file; a message where there is none or it is of another schema. */
export function readResult(path: string): { ok: true; result: CompareResult } | { ok: false; problem: string } {
  const file = path.endsWith(".json") ? path : join(path, "results.json");
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    return { ok: false, problem: `cannot read ${file}: ${(error as Error).message}` };
  }
  const schema = (value as { schema?: unknown } | null)?.schema;
  if (schema !== COMPARE_SCHEMA) {
    return { ok: false, problem: `${file} has schema '${String(schema)}'; this version reads '${COMPARE_SCHEMA}'` };
  }
  return { ok: true, result: value as CompareResult };
}
