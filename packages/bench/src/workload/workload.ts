/** A workload is data: who is connected, what arrives, what an agent does with it, and what must hold. */
import { dirname } from "node:path";
import { readWorkMix, type WorkMix } from "@hubscale/fleet-model";
import { parseWorkTime, WORK_TIME_HELP, type WorkTime } from "@hubscale/sidecar-sim";
import { type Static, Type } from "typebox";
import type { Arrivals } from "../load/arrivals.ts";
import { parseSlo, SLO_HELP } from "../measure/slo.ts";
import { readArrivals } from "./arrivals-field.ts";
import { schemaProblems } from "../results/schema-problems.ts";
import { problemLines, readYaml } from "./yaml-file.ts";

const perSec = () => Type.Optional(Type.Number({ minimum: 0, maximum: 10_000 }));

/** What goes on in each trial while tasks come. */
const BESIDE = Type.Object(
  {
    /** Every agent hears of each. */
    status_changes_per_sec: perSec(),
    messages_per_sec: perSec(),
    broadcasts_per_sec: perSec(),
    /** Agents whose connection breaks, one after the other; each comes back by itself. */
    reconnects_per_sec: perSec(),
    /** Share of the agents that are cut off at once, a third into the trial. */
    cut_share: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  },
  { additionalProperties: false },
);
export type BesideTasks = Static<typeof BESIDE>;

const WORKLOAD = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 100 }),
    slo: Type.String(),
    agents: Type.Integer({ minimum: 1, maximum: 100_000 }),
    completed_rows: Type.Integer({ minimum: 0, maximum: 1_000_000 }),
    arrivals: Type.String(),
    /** Tasks that wait in the hub from the start, and that no agent here can take. */
    queued_tasks: Type.Optional(Type.Integer({ minimum: 0, maximum: 100_000 })),
    work: Type.Union([Type.String(), Type.Number({ minimum: 0 })]),
    task: Type.Object(
      {
        description_chars: Type.Integer({ minimum: 1, maximum: 10_000 }),
        metadata_bytes: Type.Integer({ minimum: 0, maximum: 100_000 }),
      },
      { additionalProperties: false },
    ),
    streaming: Type.Boolean(),
    beside: Type.Optional(BESIDE),
    /** What tasks ask of machines and models: fleet-model reads it (work-mix.ts). */
    tiers: Type.Optional(Type.Unknown()),
  },
  { additionalProperties: false },
);
type WorkloadFile = Static<typeof WORKLOAD>;
/** As in the file, but for the arrivals, which are read. */
export type Workload = Omit<WorkloadFile, "arrivals"> & { arrivals: Arrivals };

/** A trial waits for its last tasks, and an agent that took longer would be taken for dead. */
const LONG_WORK_MS_MAX = 86_400_000;
const TOO_LONG = `99 in 100 tasks must take a day at most (${LONG_WORK_MS_MAX} ms)`;

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

/** `mix`: the workload's `tiers`, where it has them. */
export type LoadedWorkload =
  | { ok: true; workload: Workload; mix: WorkMix | undefined; file: string }
  | { ok: false; problems: string[] };

/** Reads a workload by its name (one that is shipped) or by the path of a YAML file; names every wrong field with its line. */
export function loadWorkload(nameOrFile: string): LoadedWorkload {
  const read = readYaml(nameOrFile, { folder: "workloads", what: "workload" });
  if (!read.ok) return read;
  const { yaml } = read;
  const problems = schemaProblems(WORKLOAD, yaml.value, yaml.at);
  if (problems.length > 0) return { ok: false, problems };
  const file = yaml.value as WorkloadFile;
  const arrivals = readArrivals(file.arrivals, dirname(yaml.file));
  const workload: Workload = { ...file, arrivals: typeof arrivals === "string" ? "poisson" : arrivals.arrivals };
  const at = (field: string) => `${yaml.at([field])}: ${field}`;
  if (typeof arrivals === "string") problems.push(`${at("arrivals")}: ${arrivals}`);
  if (!parseSlo(workload.slo)) problems.push(`${at("slo")}: cannot read '${workload.slo}'; ${SLO_HELP}`);
  if (!parseWorkTime(String(workload.work))) problems.push(`${at("work")}: cannot read '${workload.work}'; ${WORK_TIME_HELP}`);
  else if (!(longWorkMs(workload) <= LONG_WORK_MS_MAX)) problems.push(`${at("work")}: '${workload.work}': ${TOO_LONG}`);
  const mix = workload.tiers === undefined ? undefined : readWorkMix(workload.tiers);
  if (mix && !mix.ok) problems.push(...problemLines(yaml, mix.problems, ["tiers"]));
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, workload, mix: mix?.ok ? mix.value : undefined, file: yaml.file };
}
