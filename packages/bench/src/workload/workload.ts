/** A workload is data: who is connected, what arrives, what an agent does with it, and what must hold. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseWorkTime, type WorkTime } from "@hubscale/sidecar-sim";
import { type Static, type TSchema, Type } from "typebox";
import { Compile } from "typebox/compile";
import { type Document, isMap, LineCounter, parseDocument } from "yaml";
import { parseSlo, SLO_HELP } from "../measure/slo.ts";

const WORKLOAD = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    slo: Type.String(),
    agents: Type.Integer({ minimum: 1, maximum: 100_000 }),
    completed_rows: Type.Integer({ minimum: 0, maximum: 1_000_000 }),
    arrivals: Type.Enum(["poisson", "constant"]),
    work: Type.Union([Type.String(), Type.Number({ minimum: 0 })]),
    task: Type.Object(
      {
        description_chars: Type.Integer({ minimum: 1, maximum: 10_000 }),
        metadata_bytes: Type.Integer({ minimum: 0, maximum: 100_000 }),
      },
      { additionalProperties: false },
    ),
    streaming: Type.Boolean(),
  },
  { additionalProperties: false },
);
export type Workload = Static<typeof WORKLOAD>;

const WORK_HELP = "write milliseconds, or exp:MEAN, or lognormal:MEDIAN,SIGMA";

/** How long an agent works on a task. The loader has checked that it can be read. */
export function workTimeOf(workload: Workload): WorkTime {
  const time = parseWorkTime(String(workload.work));
  if (!time) throw new Error(`unreadable work time '${workload.work}'`);
  return time;
}

/** The 99th percentile of the work time: how much longer than the hub takes a task may take. */
export function longWorkMs(workload: Workload): number {
  const time = workTimeOf(workload);
  switch (time.kind) {
    case "constant":
      return time.ms;
    case "exponential":
      return time.meanMs * Math.log(100);
    case "lognormal":
      return time.medianMs * Math.exp(NORMAL_99TH * time.sigma);
  }
}

/** Of the standard normal distribution. */
const NORMAL_99TH = 2.3263;

export type LoadedWorkload = { ok: true; workload: Workload; file: string } | { ok: false; problems: string[] };

/** Reads a workload by its name (one that is shipped) or by the path of a YAML file; names every wrong field with its line. */
export function loadWorkload(nameOrFile: string): LoadedWorkload {
  const shipped = fileURLToPath(new URL(`../../workloads/${nameOrFile}.yaml`, import.meta.url));
  const file = /^[\w-]+$/.test(nameOrFile) && existsSync(shipped) ? shipped : nameOrFile;
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    return { ok: false, problems: [`cannot read the workload '${nameOrFile}': ${(error as Error).message}`] };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  if (document.errors.length > 0) return { ok: false, problems: document.errors.map((e) => `${nameOrFile}: ${e.message}`) };
  const value: unknown = document.toJS();
  const problems = schemaProblems(WORKLOAD, value, (path) => `${nameOrFile}:${lineOf(document, path, lines)}`);
  if (problems.length > 0) return { ok: false, problems };
  const workload = value as Workload;
  const at = (field: string) => `${nameOrFile}:${lineOf(document, [field], lines)}: ${field}`;
  if (!parseSlo(workload.slo)) problems.push(`${at("slo")}: cannot read '${workload.slo}'; ${SLO_HELP}`);
  if (!parseWorkTime(String(workload.work))) problems.push(`${at("work")}: cannot read '${workload.work}'; ${WORK_HELP}`);
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, workload, file };
}

function schemaProblems(schema: TSchema, value: unknown, at: (path: string[]) => string): string[] {
  const problems: string[] = [];
  for (const issue of Compile(schema).Errors(value)) {
    const path = issue.instancePath.split("/").slice(1);
    if (issue.keyword === "required") {
      for (const name of issue.params.requiredProperties)
        problems.push(`${at(path)}: ${[...path, name].join(".")}: is missing`);
    } else if (issue.keyword === "additionalProperties") {
      for (const name of issue.params.additionalProperties) {
        problems.push(`${at([...path, name])}: ${[...path, name].join(".")}: unknown field`);
      }
    } else if (issue.keyword === "enum") {
      problems.push(`${at(path)}: ${path.join(".")}: must be one of ${issue.params.allowedValues.join(", ")}`);
    } else if (issue.keyword !== "boolean") {
      // "boolean" only repeats an unknown field, which additionalProperties has named.
      problems.push(`${at(path)}: ${path.join(".") || "the file"}: ${issue.message}`);
    }
  }
  return problems;
}

/** Line of a field, or of the nearest field around it that has one. */
function lineOf(document: Document, path: string[], lines: LineCounter): number {
  for (let depth = path.length; depth > 0; depth--) {
    const parent = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
    if (!isMap(parent)) continue;
    const pair = parent.items.find((item) => String(item.key) === path[depth - 1]);
    const range = (pair?.key as { range?: [number, number, number] } | undefined)?.range;
    if (range) return lines.linePos(range[0]).line;
  }
  return 1;
}
