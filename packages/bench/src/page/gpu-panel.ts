/** How many agents one machine with a GPU carries: one, or several behind one queue, by the number of requests at once. */
import { type AgentsPerGpu, agentsPerGpu, type FleetInput, type HostKind, PAYS_AT_LEAST } from "@hubscale/fleet-model";
import { PAGE_THEME } from "./chart-theme.ts";
import { number, percent } from "./figures-in-words.ts";
import { gpuAgentsChart } from "./fleet-charts.ts";
import type { Draw } from "./fleet-panels.ts";
import { escaped, figureHtml, type Table } from "./markup.ts";

/** Of the numbers of agents that are solved for, those that have a column. */
const SHOWN = [1, 2, 3, 4, 6, 8, 12, 16, 24];

/** Empty where no machine has a GPU. */
export function gpuPanel(input: FleetInput, draw: Draw): string {
  const rows = agentsPerGpu(input);
  const figures = input.fleet.hosts.flatMap((host) => {
    const own = rows.filter((row) => row.host === host.name);
    if (!host.gpu || own.length === 0) return [];
    return figureHtml(
      draw(gpuAgentsChart(own, host, PAGE_THEME)),
      `Standard tasks an hour of one machine ${host.name} (${host.gpu.type}, ${host.gpu.model}) by the agents on it, one line for each NUM_PARALLEL. The dashed line is its present number of agents.`,
      gpuTable(own, host),
    );
  });
  if (figures.length === 0) return "";
  const sentences = input.fleet.hosts.flatMap((host) => sentenceOf(host, rows));
  return ["<h3>Agents on one GPU machine</h3>", ...sentences.map((sentence) => `<p>${escaped(sentence)}</p>`), ...figures].join(
    "\n",
  );
}

/** What the present setting carries, and what another one would. */
function sentenceOf(host: HostKind, rows: readonly AgentsPerGpu[]): string[] {
  const { gpu } = host;
  const own = rows.filter((row) => row.host === host.name);
  // NUM_PARALLEL of the fleet may lie between those tried: the largest that is not above it.
  const present = own.findLast(({ numParallel }) => numParallel <= (gpu?.numParallel ?? 1));
  const onCard = own.filter((row) => row.onCard === 1);
  const best = onCard.toSorted((a, b) => (b.tasksPerHour.at(-1) ?? 0) - (a.tasksPerHour.at(-1) ?? 0))[0];
  if (!gpu || !present) return [];
  const [one = 0] = present.tasksPerHour;
  const pays = (row: AgentsPerGpu) => (row.stopsPayingAt ?? row.tasksPerHour.length + 1) - 1;
  const carried = present.tasksPerHour[pays(present) - 1] ?? 0;
  const spill = present.onCard < 1 ? ` Of the model only ${percent(present.onCard)} are on the card.` : "";
  const several =
    pays(present) > 1
      ? `several agents behind one queue pay: up to ${pays(present)}, which do ${number(carried)} tasks/h against ${number(one)} of one`
      : "one agent is all that pays";
  const better =
    best && best !== present && (best.tasksPerHour[pays(best) - 1] ?? 0) > 1.05 * carried
      ? ` NUM_PARALLEL ${best.numParallel} still fits the card and carries ${pays(best)} agents with ${number(best.tasksPerHour[pays(best) - 1] ?? 0)} tasks/h.`
      : "";
  return [`On ${host.name} with NUM_PARALLEL ${present.numParallel}, ${several}.${spill}${better}`];
}

function gpuTable(rows: readonly AgentsPerGpu[], host: HostKind): Table {
  return {
    caption: `One machine ${host.name}: standard tasks/h by agents`,
    head: ["NUM_PARALLEL", "on the card", ...SHOWN.map(String), "stops paying at"],
    rows: rows.map(({ numParallel, onCard, tasksPerHour, stopsPayingAt }) => [
      String(numParallel),
      percent(onCard),
      ...SHOWN.map((agents) => number(tasksPerHour[agents - 1] ?? 0)),
      stopsPayingAt === null ? `above ${tasksPerHour.length}` : String(stopsPayingAt),
    ]),
    notes: [
      `Closed form, each machine alone: the API, the line and the hub are left out. Another agent stops paying when it brings less than ${percent(PAYS_AT_LEAST)} of what the first one does. Each slot has its own memory for the context; what does not fit the card is done by the CPU.`,
    ],
  };
}
