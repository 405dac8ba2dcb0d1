/** The field `arrivals` of a workload: `poisson`, `constant`, `bursts:20`, or `trace:FILE`. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
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

/** One time in a line, in ms from any start, ascending; lines that begin with # are not read. */
function readTrace(file: string): { arrivals: Arrivals } | string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    return `cannot read the trace: ${(error as Error).message}`;
  }
  const offsetsMs: number[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const atMs = Number(line);
    const before = offsetsMs.at(-1) ?? Number.NEGATIVE_INFINITY;
    if (!(atMs >= before)) return `${file}:${index + 1}: '${line.trim()}' is no time in ms, or before the one above it`;
    offsetsMs.push(atMs);
  }
  const span = (offsetsMs.at(-1) ?? 0) - (offsetsMs[0] ?? 0);
  return span > 0 ? { arrivals: { kind: "trace", offsetsMs } } : `${file} has no two different times`;
}
