/** Results in, files out: what `bench compare` and `bench report` write. */
export { readResult } from "../results/stored-result.ts";
export { writeReport } from "./report-files.ts";
