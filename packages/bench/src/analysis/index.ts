/** Result files in, the written analysis out. */
export { renderAnalysis } from "./analysis.ts";
export { fieldAt } from "./footnotes.ts";
export { readResultFolder } from "./result-folder.ts";
