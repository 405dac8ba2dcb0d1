/** The field `arrivals` of a workload: `poisson`, `constant`, `bursts:20`, or `trace:FILE`. */
import { resolve } from "node:path";
import { readInputText } from "@hubscale/hub-runtime/files";
import type { Arrivals } from "../load/arrivals.ts";

const HELP = "write poisson, constant, bursts:SIZE, or trace:FILE";

/** What is wrong with it, in words, or the arrivals. A trace's file is found from the workload's folder. */
export function readArrivals(text: string, folder: string): { arrivals: Arrivals } | string {
  if (text === "poisson" || text === "constant") return { arrivals: text };
  const [kind, argument = ""] = [text.split(":")[0], text.slice(text.indexOf(":") + 1)];
  if (kind === "bursts") {
    const size = Number(argument);
    if (Number.isInteger(size) && size >= 2 && size <= 10_000) return { arrivals: { kind: "bursts", size } };
    return `cannot read '${text}'; a burst has 2 to 10000 tasks, for instance bursts:20`;
  }
  if (kind === "trace" && argument !== "") return readTrace(resolve(folder, argument));
  return `cannot read '${text}'; ${HELP}`;
}

/** From any start, a calendar's too: there milliseconds have 13 digits. Beyond it two times that differ are one number. */
const TIME_MS_MAX = 1e15;
/** From the first to the last: less is stretched to nothing that can be told from rounding. */
const SPAN_MS_MIN = 0.001;
/** Each is kept in memory, and handed to each generator. */
const TIMES_MAX = 1_000_000;

/** One time in a line, in ms from any start, ascending; lines that begin with # are not read. */
function readTrace(file: string): { arrivals: Arrivals } | string {
  const read = readInputText(file, "the trace");
  if (!read.ok) return read.problem;
  const offsetsMs: number[] = [];
  for (const [index, line] of read.text.split("\n").entries()) {
    const text = line.trim();
    if (text === "" || text.startsWith("#")) continue;
    const atMs = Number(text);
    const before = offsetsMs.at(-1) ?? -TIME_MS_MAX;
    if (!(atMs >= before && atMs <= TIME_MS_MAX))
      return `${file}:${index + 1}: '${text.slice(0, 40)}' is no time in ms, or before the one above it`;
    if (offsetsMs.length === TIMES_MAX) return `${file}:${index + 1}: a trace has at most ${TIMES_MAX} times`;
    offsetsMs.push(atMs);
  }
  const span = (offsetsMs.at(-1) ?? 0) - (offsetsMs[0] ?? 0);
  return span >= SPAN_MS_MIN ? { arrivals: { kind: "trace", offsetsMs } } : `${file} has no two different times`;
}
