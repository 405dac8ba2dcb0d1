/** The result on disk: `results.json`, `report.md`, `report.html` in one folder. */
import { join } from "node:path";
import { writeWholeFile } from "@hubscale/hub-runtime/files";
import type { CompareResult } from "../results/compare-result.ts";
import { makeFolder } from "../results/stored-result.ts";
import { chartFiles } from "./chart-files.ts";
import { renderHtml } from "./html.ts";
import { renderMarkdown } from "./markdown.ts";
import { summarise } from "./summary.ts";

/** Writes the three files, and the charts that the Markdown shows; each file appears whole or not at all, also after a power cut. */
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

function put(dir: string, name: string, content: string): string {
  const file = join(dir, name);
  writeWholeFile(file, content);
  return file;
}
