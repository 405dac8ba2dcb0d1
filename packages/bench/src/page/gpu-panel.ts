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
  const parts = input.fleet.hosts.flatMap((host) => {
    const { gpu } = host;
    const own = rows.filter((row) => row.host === host.name);
    if (!gpu || own.length === 0) return [];
    const figure = figureHtml(
      draw(gpuAgentsChart(own, host, PAGE_THEME)),
      `Standard tasks an hour of one machine ${host.name} (${gpu.type}, ${gpu.model}) by the agents on it, one line for each NUM_PARALLEL. The dashed line is its present number of agents.`,
      gpuTable(own, host),
    );
    return [`<p>${escaped(sentenceOf(host.name, gpu.numParallel, own))}</p>`, figure];
  });
  return parts.length === 0 ? "" : ["<h3>Agents on one GPU machine</h3>", ...parts].join("\n");
}

/** What the present setting carries, and what another one would. */
function sentenceOf(host: string, numParallel: number, rows: readonly AgentsPerGpu[]): string {
  // That of the fleet may lie between those tried: the largest that is not above it.
  const present = rows.findLast((row) => row.numParallel <= numParallel) as AgentsPerGpu;
  const now = carriedBy(present);
  const [one = 0] = present.tasksPerHour;
  const several =
    now.agents > 1
      ? `several agents behind one queue pay: up to ${now.agents}, which do ${number(now.tasksPerHour)} tasks/h against ${number(one)} of one`
      : "one agent is all that pays";
  const spill = present.onCard < 1 ? ` Of the model only ${percent(present.onCard)} are on the card.` : "";
  const [best] = rows
    .filter(({ onCard }) => onCard === 1)
    .map((row) => Object.assign(carriedBy(row), { numParallel: row.numParallel }))
    .toSorted((a, b) => b.tasksPerHour - a.tasksPerHour);
  const better =
    best && best.tasksPerHour > WORTH_TELLING * now.tasksPerHour
      ? ` NUM_PARALLEL ${best.numParallel} still fits the card and carries ${best.agents} agents with ${number(best.tasksPerHour)} tasks/h.`
      : "";
  return `On ${host} with NUM_PARALLEL ${present.numParallel}, ${several}.${spill}${better}`;
}

/** Agents up to the last that pays, and what these do. */
function carriedBy({ stopsPayingAt, tasksPerHour }: AgentsPerGpu): { agents: number; tasksPerHour: number } {
  const agents = (stopsPayingAt ?? tasksPerHour.length + 1) - 1;
  return { agents, tasksPerHour: tasksPerHour[agents - 1] ?? 0 };
}

/** Another setting is named when it does so much more. */
const WORTH_TELLING = 1.05;

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
