/** Folders of results: whether one can be written, and the result that one holds. What goes into it: report/report-files.ts. */
import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { syncFolder } from "@hubscale/hub-runtime/files";
import { COMPARE_RESULT, COMPARE_SCHEMA, type CompareResult } from "./compare-result.ts";
import { readResultFile } from "./result-file.ts";

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

/**
 * With its parents, so that it is there after a power cut. Not by Node's own recursive way, which never returns below a file system that
 * makes no folders, such as /proc.
 */
export function makeFolder(dir: string): void {
  if (existsSync(dir)) return;
  const parent = dirname(dir);
  if (parent !== dir) makeFolder(parent);
  mkdirSync(dir);
  syncFolder(parent);
}

export const COMPARE_FILE = {
  schema: COMPARE_RESULT,
  name: COMPARE_SCHEMA,
  command: "pnpm bench compare --effort full --out DIR",
};

/** A result from a folder or a file; a message where there is none or it is not what `bench compare` writes. */
export function readResult(path: string): { ok: true; result: CompareResult } | { ok: false; problem: string } {
  const read = readResultFile(path.endsWith(".json") ? path : join(path, "results.json"), COMPARE_FILE);
  return read.ok ? { ok: true, result: read.value } : read;
}
