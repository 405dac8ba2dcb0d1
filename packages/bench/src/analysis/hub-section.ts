/** Question 3: what the hub bears, why, and what its repairs are worth. */
import { WORK_WORDS } from "../decision/decision.ts";
import { estimate, number } from "../page/figures-in-words.ts";
import { missing, table } from "./footnotes.ts";
import { RESULT_FILES, type ResultFolder } from "./result-folder.ts";

export function hubSection(folder: ResultFolder): string[] {
  return ["## 3. Limits of the hub", "", ...measured(folder), ...repairs(folder), ...byTime(folder)];
}

function measured({ compare }: ResultFolder): string[] {
  if (!compare) return missing("A comparison of the hubs", RESULT_FILES.compare.command);
  const { hubs, isolation, effort, decision } = compare.value;
  const share = isolation.coresPerMachine;
  const invalid = hubs.flatMap(({ valid, id }, index) =>
    valid ? [] : [`${id}${compare.mark(`hubs[${index}].invalidReasons`)}`],
  );
  const facts = decision.because.map((line, index) => `- ${line}${compare.mark(`decision.because[${index}]`)}`);
  return [
    `Measured with effort ${compare.text("effort")} at the SLO \`${compare.value.slo}\`${compare.mark("slo")}${share === null ? ", without CPU quotas" : `, each hub node and each backbone server with ${compare.number("isolation.coresPerMachine")} of a core`}. ${effort === "full" ? "" : "This is not the full effort: the intervals are wide. "}The capacity is the load at which a trial is as likely to hold the SLO as to miss it, with its 95 % interval.`,
    "",
    ...table(
      ["hub", "tasks/s", "assign p99", "CPU-ms a task", "syncs a task", "what holds it back"],
      hubs.map((hub, index) => {
        const at = `hubs[${index}]`;
        const roles = Object.entries(hub.perTask).filter(([role, { cpuMs }]) => role !== "generator" && cpuMs !== null);
        const cpu = roles.map(([role, { cpuMs }]) => `${role} ${estimate(cpuMs)}`);
        const fsyncs = hub.perTask["hub"]?.fsyncs ?? null;
        const paths = [
          `${at}.capacity.tasksPerSec`,
          `${at}.latency.assignMsP99`,
          ...roles.map(([role]) => `${at}.perTask.${role}.cpuMs`),
          ...(fsyncs ? [`${at}.perTask.hub.fsyncs`] : []),
          `${at}.bound.explanation`,
        ];
        const p99 = hub.latency.assignMsP99;
        return [
          `${hub.id}${compare.mark(...paths)}`,
          estimate(hub.capacity.tasksPerSec),
          p99 ? `${estimate(p99)} ms` : "–",
          cpu.join(", ") || "–",
          estimate(fsyncs),
          hub.bound.explanation,
        ];
      }),
    ),
    ...(invalid.length > 0 ? [`Not valid, and in no conclusion: ${invalid.join(", ")}.`, ""] : []),
    ...facts,
    "",
    ...work({ compare }),
    ...other({ compare }),
  ];
}

/** What each hub counted of its own work. */
function work({ compare }: Pick<ResultFolder, "compare">): string[] {
  if (!compare) return [];
  const kinds = Object.keys(WORK_WORDS);
  const rows = compare.value.hubs.flatMap((hub, index) => {
    const known = kinds.filter((kind) => hub.workPerTask[kind]);
    if (known.length === 0) return [];
    const mark = compare.mark(...known.map((kind) => `hubs[${index}].workPerTask.${kind}`));
    return [[`${hub.id}${mark}`, ...kinds.map((kind) => estimate(hub.workPerTask[kind] ?? null))]];
  });
  if (rows.length === 0) return [];
  return [
    "What a hub did for one completed task, by its own count:",
    "",
    ...table(["hub", ...kinds.map((kind) => WORK_WORDS[kind] ?? kind)], rows),
  ];
}

/** The other quantities, for the hubs for which they were searched. */
function other({ compare }: Pick<ResultFolder, "compare">): string[] {
  if (!compare) return [];
  const quantities = { streamingAgents: "streaming agents", messagesPerSec: "messages/s", connections: "connections" } as const;
  const lines = compare.value.hubs.flatMap((hub, index) =>
    (Object.keys(quantities) as (keyof typeof quantities)[]).flatMap((key) => {
      const found = hub.capacity[key];
      const note = hub.capacityNotes?.[key];
      if (!found && note === undefined) return [];
      // "At least", or why there is none, stands in the note.
      const fields = [...(found ? ["capacity"] : []), ...(note === undefined ? [] : ["capacityNotes"])];
      const mark = compare.mark(...fields.map((field) => `hubs[${index}].${field}.${key}`));
      return [
        `- ${hub.id}: ${found ? estimate(found) : "none"} ${quantities[key]}${note === undefined ? "" : ` (${note})`}${mark}`,
      ];
    }),
  );
  return lines.length > 0
    ? ["Beside tasks:", "", ...lines, ""]
    : ["Streaming agents, messages and connections were not searched in this run.", ""];
}

function repairs({ ladder }: ResultFolder): string[] {
  const head = ["### What each repair is worth", ""];
  if (!ladder) return [...head, ...missing("The ladder of repairs", RESULT_FILES.ladder.command)];
  return [
    ...head,
    ...ladder.value.ladders.flatMap((each, which) => {
      const { condition, rungs } = each;
      const at = `ladders[${which}]`;
      const alone = rungs
        .map((rung, index) => ({ rung, index }))
        .filter(({ rung }) => rung.kind === "alone" && rung.ratio !== null);
      const told = alone.filter(({ rung }) => rung.toldApart.byCapacity && (rung.ratio?.low ?? 0) > 1);
      const [best, next] = told.toSorted((a, b) => (b.rung.ratio?.value ?? 0) - (a.rung.ratio?.value ?? 0));
      return [
        `Workload \`${condition.workload}\`${condition.streaming ? ", whose agents stream," : ""} with ${condition.agents.toLocaleString("en")} agents, ${condition.completedRows.toLocaleString("en")} completed rows and ${condition.queuedRows.toLocaleString("en")} queued ones${ladder.mark(`${at}.condition`)}:`,
        "",
        ...table(
          ["fixes", "tasks/s", "× the reference", "CPU-ms a task", "told apart by capacity"],
          rungs.map((rung, index) => [
            `${rung.name}${ladder.mark(`${at}.rungs[${index}].capacity`, `${at}.rungs[${index}].ratio`, `${at}.rungs[${index}].cpuMsPerTask`, `${at}.rungs[${index}].toldApart`)}`,
            estimate(rung.capacity),
            rung.ratio ? `×${estimate(rung.ratio)}` : "–",
            estimate(rung.cpuMsPerTask),
            rung.ratio === null ? "–" : rung.toldApart.byCapacity ? "yes" : "no",
          ]),
        ),
        best
          ? `Alone, ${best.rung.added.join("+")} shows the largest gain: ×${ladder.estimate(`${at}.rungs[${best.index}].ratio`).replace(" ×", "")}${next && (next.rung.ratio?.high ?? 0) >= (best.rung.ratio?.low ?? 0) ? `, though not told apart from the next (${next.rung.added.join("+")}, ×${ladder.estimate(`${at}.rungs[${next.index}].ratio`).replace(" ×", "")})` : ""}. ${told.length} of ${alone.length} single fixes that were compared could be told apart from the reference upwards.`
          : "No single fix could be told apart from the reference upwards here.",
        "",
      ];
    }),
    ...ladder.value.notes.map((note, index) => `- ${note}${ladder.mark(`notes[${index}]`)}`),
    ...(ladder.value.notes.length > 0 ? [""] : []),
  ];
}

/** Walls of the fleet's hub that come at any load, because rows are kept. */
function byTime({ compare }: ResultFolder): string[] {
  const walls = compare?.value.walls ?? [];
  const timed = walls.map((wall, index) => ({ wall, index })).filter(({ wall }) => wall.days !== null);
  if (!compare || timed.length === 0) return [];
  return [
    "### Walls that time brings",
    "",
    "At the load of the shipped fleet, whose agents are never idle, since completed rows are kept for ever:",
    "",
    ...timed.map(
      ({ wall, index }) =>
        `- ${wall.name}: in ${number(wall.days ?? 0)} days (${wall.basis}; ${wall.how})${compare.mark(`walls[${index}].days`, `walls[${index}].how`)}`,
    ),
    "",
  ];
}
