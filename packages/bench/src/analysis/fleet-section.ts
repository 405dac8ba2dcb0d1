/** Question 5: what to add, and whether and when to distribute the hub. */
import type { FleetDecision, FleetInput } from "@hubscale/fleet-model";
import { estimate, number, signedEstimate } from "../page/figures-in-words.ts";
import { missing, type QuotedFile, table } from "./footnotes.ts";
import { RESULT_FILES, type ResultFolder } from "./result-folder.ts";

interface FleetPart {
  input: FleetInput;
  decision: FleetDecision;
  /** Marks fields below the fleet's own place in its file. */
  mark(...paths: string[]): string;
}

/** From fleet.json, or from the fleet that a comparison carries. */
function fleetOf({ fleet, compare }: ResultFolder): FleetPart | undefined {
  const part = (file: QuotedFile<unknown>, prefix: string, { input, decision }: Omit<FleetPart, "mark">): FleetPart => ({
    input,
    decision,
    mark: (...paths) => file.mark(...paths.map((path) => `${prefix}${path}`)),
  });
  if (fleet) return part(fleet, "", fleet.value);
  return compare?.value.fleet && part(compare, "fleet.", compare.value.fleet);
}

export function fleetSection(folder: ResultFolder): string[] {
  const head = ["## 5. When to add machines, agents, GPUs", ""];
  const part = fleetOf(folder);
  if (!part) return [...head, ...missing("A fleet", RESULT_FILES.fleet.command)];
  const { input, decision, mark } = part;
  const { now, bindsNow, bindsNext, marginal, walls } = decision;
  const { currency } = input.prices;
  const changes = marginal.map(({ id, change, tasksPerHour, costPerMonth, tasksPerHourPer1000 }, index) => ({
    id,
    change,
    tasksPerHour,
    costPerMonth,
    tasksPerHourPer1000,
    index,
  }));
  const pays = changes.filter(
    ({ tasksPerHour }) => tasksPerHour.low > 0 && tasksPerHour.value >= WORTH_NAMING * now.tasksPerHour.value,
  );
  const priced = changes
    .filter(({ tasksPerHourPer1000, tasksPerHour }) => tasksPerHourPer1000 !== null && tasksPerHour.low > 0)
    .toSorted((a, b) => (b.tasksPerHourPer1000?.value ?? 0) - (a.tasksPerHourPer1000?.value ?? 0));
  const hasGpu = ({ id }: { id: string }) => id.startsWith("machine-") && id !== "machine-without-gpu";
  const bare = changes.find(({ id }) => id === "machine-without-gpu");
  const gpu = changes.find(hasGpu);
  const met = walls
    .map((wall, index) => ({ wall, index }))
    .filter(({ wall }) => wall.busyAgents !== null)
    .slice(0, WALLS_SHOWN);
  return [
    ...head,
    `The fleet \`${input.fleet.name}\` has ${number(now.agents)} agents that are never idle and does ${estimate(now.tasksPerHour)} tasks an hour in the closed form${mark("decision.now.agents", "decision.now.tasksPerHour")}. What binds now: ${bindsNow.sentence}${mark("decision.bindsNow.sentence")}. ${bindsNext ? `Next: ${bindsNext.sentence}${mark("decision.bindsNext.sentence")}.` : "Nothing else is in sight."}`,
    "",
    ...table(
      ["one more", "tasks/h", `${currency} a month`, `tasks/h for 1,000 ${currency} a month`],
      changes.map(({ change, tasksPerHour, costPerMonth, tasksPerHourPer1000, index }) => [
        `${change}${mark(`decision.marginal[${index}].tasksPerHour`, `decision.marginal[${index}].costPerMonth`, `decision.marginal[${index}].tasksPerHourPer1000`)}`,
        signedEstimate(tasksPerHour),
        costPerMonth === null ? "no price" : number(costPerMonth),
        estimate(tasksPerHourPer1000),
      ]),
    ),
    pays.length > 0
      ? `What adds at least ${100 * WORTH_NAMING} % of the present throughput, its whole interval above nothing: ${pays.map(({ change, tasksPerHour, index }) => `${change} (${signedEstimate(tasksPerHour)} tasks/h${mark(`decision.marginal[${index}].tasksPerHour`)})`).join(", ")}.`
      : `No single addition brings ${100 * WORTH_NAMING} % of the present throughput with its whole interval above nothing: nothing needs adding for throughput.`,
    ...(priced[0]
      ? [
          `For its price ${priced[0].change} brings most: ${estimate(priced[0].tasksPerHourPer1000)} tasks/h for 1,000 ${currency} a month${mark(`decision.marginal[${priced[0].index}].tasksPerHourPer1000`)}; prices are those of the input, ${input.prices.dated}${mark("input.prices.dated")}.`,
        ]
      : []),
    ...(bare && gpu ? [comparison(bare, gpu, (index) => mark(`decision.marginal[${index}].tasksPerHour`))] : []),
    "",
    "Walls, in the order in which more agents everywhere meet them:",
    "",
    ...table(
      ["wall", "busy agents", "known from", "rule"],
      met.map(({ wall, index }) => [
        `${wall.name}${mark(`decision.walls[${index}].busyAgents`, `decision.walls[${index}].how`)}`,
        estimate(wall.busyAgents),
        wall.basis,
        wall.how,
      ]),
    ),
    "### Recommendations for this fleet",
    "",
    `- ${decision.verdict.sentence}${mark("decision.verdict.sentence")}`,
    ...decision.flipsWhen.map((line, index) => `- It flips: ${line}${mark(`decision.flipsWhen[${index}]`)}`),
    ...(decision.holds.ok
      ? []
      : [
          `- The closed form may not hold for this fleet (${decision.holds.reasons.join("; ")})${mark("decision.holds.reasons")}: simulate it before buying.`,
        ]),
    "",
  ];
}

interface Change {
  change: string;
  tasksPerHour: FleetDecision["marginal"][number]["tasksPerHour"];
  index: number;
}

/** The two are named apart only where their intervals are. */
function comparison(bare: Change, gpu: Change, mark: (index: number) => string): string {
  const figures = `${bare.change} ${signedEstimate(bare.tasksPerHour)}${mark(bare.index)}, ${gpu.change} ${signedEstimate(gpu.tasksPerHour)}${mark(gpu.index)} tasks/h`;
  if (gpu.tasksPerHour.low > bare.tasksPerHour.high)
    return `A machine with a GPU is worth more here than one without: ${figures}.`;
  if (bare.tasksPerHour.low > gpu.tasksPerHour.high)
    return `A machine without a GPU is worth more here than one with: ${figures}.`;
  return `A machine with a GPU and one without are not told apart here by throughput: ${figures}.`;
}

const WORTH_NAMING = 0.05;
const WALLS_SHOWN = 10;

export function distributionSection(folder: ResultFolder): string[] {
  const { compare, faults } = folder;
  const head = ["## 6. Whether and when to distribute the hub", ""];
  const part = fleetOf(folder);
  const at = part?.decision.verdict.distributeAt;
  return [
    ...head,
    ...(compare
      ? [
          `**${compare.text("decision.verdict")}**`,
          "",
          `${compare.text("decision.cost.explanation")}${compare.value.decision.cost.projected ? " A projection is computed from CPU per task, not measured." : ""}`,
          "",
          ...compare.value.decision.flipsWhen.map((line, index) => `- ${line}${compare.mark(`decision.flipsWhen[${index}]`)}`),
          "",
        ]
      : missing("A comparison of the hubs", RESULT_FILES.compare.command)),
    ...(at && part
      ? [
          `In the fleet \`${part.input.fleet.name}\` the best single hub that was measured is full at ${estimate(at.busyAgents)} busy agents, ${estimate(at.tasksPerHour)} tasks an hour${part.mark("decision.verdict.distributeAt.busyAgents", "decision.verdict.distributeAt.tasksPerHour")}; below that load, as far as it was measured, distributing buys availability, not throughput.`,
          "",
        ]
      : []),
    "Availability is a reason of its own:",
    "",
    ...(faults
      ? table(
          ["hub", "runs", "acknowledged", "lost", "nodes killed", "recovery, s", "tasks delayed"],
          faults.value.hubs.map((hub, index) => {
            const place = hub.byKind.findIndex(({ kind }) => kind === "kill-node");
            const killed = hub.byKind[place];
            const paths = [`hubs[${index}].runs`, `hubs[${index}].acknowledged`, `hubs[${index}].lost`];
            return [
              `${hub.hub}${faults.mark(...paths, ...(killed ? [`hubs[${index}].byKind[${place}]`] : []))}`,
              String(hub.runs),
              String(hub.acknowledged),
              String(hub.lost),
              killed ? String(killed.faults) : "none alone",
              estimate(killed?.recoverySeconds ?? null),
              estimate(killed?.tasksDelayed ?? null),
            ];
          }),
        )
      : missing("Recovery after faults", RESULT_FILES.faults.command)),
  ];
}
