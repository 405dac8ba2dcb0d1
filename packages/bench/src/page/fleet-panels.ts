/** What is said of a fleet: the same HTML when the report is written and when somebody moves a slider. */
import type { FleetDecision, FleetInput } from "@hubscale/fleet-model";
import { PAGE_THEME } from "./chart-theme.ts";
import { days, duration, estimate, number, percent, signedEstimate } from "./figures-in-words.ts";
import { agentsChart, type ChartOptions, heatChart, marginalChart, stationsChart, wallsChart } from "./fleet-charts.ts";
import { agentsSweep, heatMap } from "./fleet-sweeps.ts";
import { gpuPanel } from "./gpu-panel.ts";
import { escaped, figureHtml, listHtml, type Table } from "./markup.ts";

/** Draws a chart as SVG text. */
export type Draw = (options: ChartOptions) => string;

export interface FleetPanels {
  /** One sentence. */
  verdict: string;
  /** What it rests on in short; changes with every slider. */
  keyFigures: string;
  /** Charts with their tables. */
  charts: string;
}

/** `given`: the fleet before anything was changed, to be compared with; undefined where this is that fleet. */
export function fleetPanels(input: FleetInput, decision: FleetDecision, draw: Draw, given?: FleetDecision): FleetPanels {
  return {
    verdict: decision.verdict.sentence,
    keyFigures: keyFigures(input, decision, given),
    charts: charts(input, decision, draw),
  };
}

function keyFigures(input: FleetInput, decision: FleetDecision, given: FleetDecision | undefined): string {
  const { now } = decision;
  const { currency } = input.prices;
  const money = (value: number | null) => (value === null ? "no price for part of it" : `${number(value)} ${currency}`);
  const before = (text: (of: FleetDecision) => string) => {
    if (!given || text(given) === text(decision)) return "";
    return ` <small>(as given: ${escaped(text(given))})</small>`;
  };
  const entry = (name: string, text: (of: FleetDecision) => string) =>
    `<div><dt>${escaped(name)}</dt><dd>${escaped(text(decision))}${before(text)}</dd></div>`;
  const distribute = (of: FleetDecision) => {
    const at = of.verdict.distributeAt;
    return at ? `${estimate(at.busyAgents)} busy agents, ${estimate(at.tasksPerHour)} tasks/h` : "no single hub was measured";
  };
  return [
    "<dl>",
    entry("agents", (of) => number(of.now.agents)),
    entry("tasks per hour", (of) => estimate(of.now.tasksPerHour)),
    entry("a task takes", (of) => `${duration(of.now.taskSeconds.value)}, ×${number(of.now.slowdown.value)} of an idle fleet`),
    entry("binds now", (of) => of.bindsNow.sentence),
    entry("binds next", (of) => of.bindsNext?.sentence ?? "nothing in sight"),
    entry("the best single hub is full at", distribute),
    entry("cost a month, without API tokens", (of) => money(of.now.costPerMonth)),
    entry("the same for 1,000 tasks", (of) => money(of.now.costPer1000Tasks)),
    "</dl>",
    decision.holds.ok
      ? ""
      : `<p class="note"><strong>The closed form is only approximate here</strong>, by rule: ${escaped(decision.holds.reasons.join("; "))}. Simulate such a fleet: <code>pnpm bench fleet --simulate</code>.</p>`,
    now.tasksPerHour.n === 0
      ? ""
      : `<p class="note">In brackets: the middle 95 % of ${now.tasksPerHour.n} draws of what is uncertain (see the assumptions below).</p>`,
  ].join("");
}

function charts(input: FleetInput, decision: FleetDecision, draw: Draw): string {
  const points = agentsSweep(input);
  const kinds = input.fleet.hosts.filter(({ count, agents }) => count * agents > 0);
  const walls = wallsChart(decision, PAGE_THEME);
  const marginal = marginalChart(decision, PAGE_THEME);
  return [
    "<h3>Walls in order</h3>",
    figureHtml(
      walls ? draw(walls) : "<p>No wall is met by load.</p>",
      "The number of busy agents at which each wall is met, when agents are added everywhere in proportion, with the interval of the draws. The dashed line is the present fleet. The axis is logarithmic.",
      wallsTable(decision),
    ),
    "<h3>What one more gives</h3>",
    figureHtml(
      marginal ? draw(marginal) : "<p>Nothing to add.</p>",
      "Tasks per hour that each change adds to the fleet as it is set above.",
      marginalTable(input, decision),
    ),
    "<h3>More agents on the same machines</h3>",
    figureHtml(
      draw(agentsChart(points, decision.now.agents, PAGE_THEME)),
      "Solid: tasks per hour of the fleet. Dotted: if no agent ever waited. The dashed line is the present fleet.",
      {
        caption: "Agents on the same machines",
        head: ["agents", "tasks/h", "if nobody waited", "what binds"],
        rows: points.map(({ agents, tasksPerHour, ideal, binds }) => [
          number(agents),
          number(tasksPerHour),
          number(ideal),
          binds || "the agents",
        ]),
        notes: [],
      },
    ),
    "<h3>Machines against agents</h3>",
    ...kinds.map((host) => heatFigure(input, host, draw)),
    gpuPanel(input, draw),
    "<h3>How busy everything is</h3>",
    figureHtml(
      draw(stationsChart(decision, PAGE_THEME)),
      "Share of the time that each shared resource is busy.",
      stationsTable(decision),
    ),
    listHtml("Flips when", decision.flipsWhen),
    listHtml(
      "Availability",
      decision.availability.map(({ sentence }) => sentence),
    ),
    listHtml("What this rests on", [decision.evidence, ...decision.assumptions]),
  ].join("\n");
}

function heatFigure(input: FleetInput, host: FleetInput["fleet"]["hosts"][number], draw: Draw): string {
  const map = heatMap(input, host);
  const machines = [...new Set(map.cells.map((cell) => cell.machines))];
  const agents = [...new Set(map.cells.map((cell) => cell.agents))];
  const at = (count: number, each: number) =>
    map.cells.find((cell) => cell.machines === count && cell.agents === each)?.tasksPerHour ?? 0;
  const gpu = host.gpu ? ` (${host.gpu.cards > 1 ? `${host.gpu.cards} × ` : ""}${host.gpu.type})` : " (no GPU)";
  return figureHtml(
    draw(heatChart({ ...map, kind: `${host.name}${gpu}` }, PAGE_THEME)),
    `Tasks per hour of the whole fleet, by machines of kind ${host.name}${gpu} and agents on each of them; the framed cell is the present fleet.`,
    {
      caption: `Tasks per hour by machines ${host.name} (across) and agents on each (down)`,
      head: ["agents", ...machines.map(String)],
      rows: agents.map((each) => [String(each)].concat(machines.map((count) => number(at(count, each))))),
      notes: [],
    },
  );
}

function wallsTable({ walls }: FleetDecision): Table {
  return {
    caption: "Walls in order",
    head: ["wall", "at busy agents", "at tasks/h", "or in", "known from", "rule", "source"],
    rows: walls.map(({ name, busyAgents, tasksPerHour, days: left, basis, how, source }) => [
      name,
      busyAgents ? estimate(busyAgents) : "not by agents",
      estimate(tasksPerHour),
      left === null ? "–" : days(left),
      basis,
      how,
      source,
    ]),
    notes: [],
  };
}

function marginalTable({ prices }: FleetInput, { marginal }: FleetDecision): Table {
  return {
    caption: "What one more gives",
    head: ["change", "tasks/h", `${prices.currency} a month`, `tasks/h for 1,000 ${prices.currency} a month`, "note"],
    rows: marginal.map(({ change, tasksPerHour, costPerMonth, tasksPerHourPer1000, note }) => [
      change,
      signedEstimate(tasksPerHour),
      costPerMonth === null ? "no price" : number(costPerMonth),
      estimate(tasksPerHourPer1000),
      note,
    ]),
    notes: [],
  };
}

function stationsTable({ now }: FleetDecision): Table {
  return {
    caption: "Shared resources",
    head: ["resource", "kind", "busy", "time of a task there"],
    rows: now.stations.map(({ name, kind, utilisation, secondsPerTask }) => [
      name,
      kind,
      percent(utilisation),
      duration(secondsPerTask),
    ]),
    notes: ["Time there: waiting and being served, for the tasks that use it."],
  };
}
