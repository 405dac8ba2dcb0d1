/** The result on disk: `results.json`, `report.md`, `report.html` in one folder. */
import { accessSync, constants, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { COMPARE_SCHEMA, type CompareResult } from "../results/compare-result.ts";
import { chartFiles } from "./chart-files.ts";
import { renderHtml } from "./html.ts";
import { renderMarkdown } from "./markdown.ts";
import { summarise } from "./summary.ts";

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
function makeFolder(dir: string): void {
  if (existsSync(dir)) return;
  const parent = dirname(dir);
  if (parent !== dir) makeFolder(parent);
  mkdirSync(dir);
}

/** Writes the three files, and the charts that the Markdown shows; each file appears whole or not at all. */
export function writeReport(dir: string, result: CompareResult): { json: string; markdown: string; html: string } {
  const summary = summarise(result);
  const charts = chartFiles(result);
  makeFolder(join(dir, "charts"));
  for (const { name, svg } of charts) put(join(dir, "charts"), `${name}.svg`, svg);
  return {
    json: put(dir, "results.json", `${JSON.stringify(result, null, 2)}\n`),
    markdown: put(dir, "report.md", renderMarkdown(summary, charts)),
    html: put(dir, "report.html", renderHtml(summary, result)),
  };
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

function put(dir: string, name: string, content: string): string {
  const file = join(dir, name);
  const partial = `${file}.partial`;
  writeFileSync(partial, content);
  renameSync(partial, file);
  return file;
}
