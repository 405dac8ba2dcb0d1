/** Bounds that a run must keep, from a YAML file, for a pipeline that is to fail when it does not. */
import { parseHubId } from "../drivers/index.ts";
import { readYaml } from "../workload/yaml-file.ts";
import type { Threshold } from "./threshold-schema.ts";

export type { Threshold };

export type LoadedThresholds = { ok: true; thresholds: Threshold[] } | { ok: false; problems: string[] };

const METRIC =
  /^(capacity\.(tasksPerSec|streamingAgents|messagesPerSec|connections)|latency\.assign(ServiceMsP99|MsP50|MsP99)|perTask\.\w+\.\w+|workPerTask\.\w+)$/;
const METRIC_HELP =
  "write for instance capacity.tasksPerSec, latency.assignMsP99, perTask.hub.cpuMs, workPerTask.fsyncs (the names of results.json)";
/** Beyond every rate, time and cost that is measured here. */
const BOUND_MAX = 1e12;
const FIELDS = new Set(["hub", "over", "metric", "at_least", "at_most"]);

/** Names every wrong field with its line. `hubs`: those of the run, when they are known already. */
export function loadThresholds(file: string, hubs?: readonly string[]): LoadedThresholds {
  // A file, never one that is shipped: what has to hold is for its owner to say.
  const read = readYaml(file, { folder: "thresholds", what: "thresholds file" });
  if (!read.ok) return read;
  const { value, at } = read.yaml;
  const list = isRecord(value) ? value["thresholds"] : undefined;
  if (!Array.isArray(list) || list.length === 0 || Object.keys(value as object).length > 1)
    return { ok: false, problems: [`${at([])}: the file must hold one list, 'thresholds:', with a bound or more`] };
  const problems: string[] = [];
  const thresholds = list.flatMap((entry: unknown, index) => {
    const path = ["thresholds", String(index)];
    const say = (field: string, problem: string) => problems.push(`${at([...path, field])}: ${field}: ${problem}`);
    const before = problems.length;
    if (!isRecord(entry)) {
      problems.push(`${at(path)}: must be hub, metric and at_least or at_most`);
      return [];
    }
    for (const field of Object.keys(entry)) if (!FIELDS.has(field)) say(field, "unknown field");
    const hub = hubOf(entry["hub"], hubs, (problem) => say("hub", problem));
    const over = entry["over"] === undefined ? null : hubOf(entry["over"], hubs, (problem) => say("over", problem));
    const metric = written(entry["metric"] ?? "");
    if (!METRIC.test(metric)) say("metric", `unknown metric '${metric}'; ${METRIC_HELP}`);
    const bounds = (["at_least", "at_most"] as const).filter((kind) => entry[kind] !== undefined);
    const [kind = "at_least"] = bounds;
    const bound = entry[kind];
    if (bounds.length !== 1) say("at_least", "give one of at_least and at_most");
    else if (!(typeof bound === "number" && bound >= 0 && bound <= BOUND_MAX))
      say(kind, `must be a number, not '${written(bound)}', from 0 to ${BOUND_MAX}`);
    return problems.length > before ? [] : [{ hub, over, metric, kind, bound: bound as number, at: at(path) }];
  });
  return problems.length > 0 ? { ok: false, problems } : { ok: true, thresholds };
}

function hubOf(value: unknown, hubs: readonly string[] | undefined, say: (problem: string) => void): string {
  const id = written(value ?? "");
  const parsed = parseHubId(id);
  if (!parsed.ok) say(parsed.problem);
  else if (hubs && !hubs.includes(id)) say(`'${id}' is not among the hubs of this run (${hubs.join(", ")})`);
  return id;
}

/** `String` of a map or a list says nothing, and of a map without a prototype throws. */
function written(value: unknown): string {
  return typeof value === "object" ? (Array.isArray(value) ? "a list" : "a map") : String(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
