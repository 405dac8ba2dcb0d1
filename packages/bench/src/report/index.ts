/** Results in, files out: what `bench compare` and `bench report` write. */
export { readResult, writeReport } from "./report-files.ts";
