/** The decision for a fleet as words and tables. Computes nothing but the text of numbers. */
import {
  type AgentsPerGpu,
  type FleetDecision,
  type FleetInput,
  PAYS_AT_LEAST,
  rounded,
  type Wall,
  whole,
} from "@hubscale/fleet-model";
import type { Table } from "../report/summary.ts";
import { renderTable } from "../report/terminal.ts";

export function renderFleet(input: FleetInput, decision: FleetDecision, perGpu: readonly AgentsPerGpu[]): string {
  const { now, verdict } = decision;
  const { currency } = input.prices;
  const listed = (name: string, lines: readonly string[]) =>
    lines.map((line, index) => `${(index === 0 ? name : "").padEnd(LABEL_WIDTH)}${line}`);
  const cost =
    now.costPerMonth === null
      ? "no price for a part of it"
      : `${whole(now.costPerMonth)} ${currency} a month, ${now.costPer1000Tasks?.toFixed(2)} ${currency} for 1,000 tasks, API tokens not included`;
  return [
    ...listed("verdict", [verdict.sentence]),
    ...listed("fleet", [
      `${input.fleet.name}: ${now.agents} agents that are never idle, ${rounded(now.tasksPerHour)} tasks/h, ${rounded(now.taskSeconds)} s a task; ${cost}`,
    ]),
    ...listed("binds now", [decision.bindsNow.sentence]),
    ...listed("binds next", [nextBottleneck(decision)]),
    ...listed("flips when", decision.flipsWhen),
    "",
    ...renderTable(marginalTable(decision, currency)),
    "",
    ...renderTable(wallTable(decision.walls)),
    "",
    ...renderTable(stationTable(decision)),
    "",
    ...(perGpu.length > 0 ? [...renderTable(agentsTable(perGpu)), ""] : []),
    ...listed("hub", [decision.evidence]),
    ...listed(
      "availability",
      decision.availability.map(({ sentence }) => sentence),
    ),
    ...listed(
      "closed form",
      decision.holds.ok ? ["holds for this fleet by its rules"] : decision.holds.reasons.map((r) => `may not hold: ${r}`),
    ),
    ...listed("assumed", decision.assumptions),
  ].join("\n");
}

const LABEL_WIDTH = 14;

/** `GPU box at 14 agents · API input tokens at 58 · …`: what is met in turn as agents are added. */
export function nextBottleneck({ walls, now }: FleetDecision): string {
  const ahead = walls.filter(
    ({ busyAgents, id }) => busyAgents !== null && busyAgents.value > now.agents && !id.startsWith("rate-limiter"),
  );
  return ahead.length === 0
    ? "nothing"
    : ahead
        .slice(0, MOST_NAMED)
        .map(({ name, busyAgents }) => `${name} at ${busyAgents ? rounded(busyAgents) : "–"} agents`)
        .join(" · ");
}

const MOST_NAMED = 5;

function marginalTable({ marginal }: FleetDecision, currency: string): Table {
  return {
    caption: "What one more is worth",
    head: ["one more", "tasks/h", `${currency}/month`, `tasks/h per 1,000 ${currency}/month`],
    rows: marginal.map(({ change, tasksPerHour, costPerMonth, tasksPerHourPer1000 }) => [
      change,
      `${tasksPerHour.value < 0 ? "" : "+"}${rounded(tasksPerHour)}`,
      costPerMonth === null ? "no price" : whole(costPerMonth),
      tasksPerHourPer1000 ? rounded(tasksPerHourPer1000) : "–",
    ]),
    notes: ["[low, high]: 95 % of the draws of hub intervals and parameter ranges. Closed form."],
  };
}

function wallTable(walls: readonly Wall[]): Table {
  return {
    caption: "Walls, in order",
    head: ["wall", "busy agents", "tasks/h", "days", "basis", "how"],
    rows: walls.map(({ name, busyAgents, tasksPerHour, days, basis, how }) => [
      name,
      busyAgents ? rounded(busyAgents) : "–",
      tasksPerHour ? rounded(tasksPerHour) : "–",
      days === null ? "–" : whole(days),
      basis,
      how,
    ]),
    notes: ["Agents are added on every host in proportion. Days: at the load of now, if nobody waited."],
  };
}

function stationTable({ now }: FleetDecision): Table {
  return {
    caption: "How busy",
    head: ["station", "busy", "s per task"],
    rows: now.stations.map(({ name, utilisation, secondsPerTask }) => [
      name,
      `${Math.round(utilisation * 100)} %`,
      secondsPerTask.toFixed(2),
    ]),
    notes: [],
  };
}

const AGENTS_SHOWN = [1, 2, 4, 8, 16];

function agentsTable(rows: readonly AgentsPerGpu[]): Table {
  return {
    caption: "Agents behind one GPU",
    head: [
      "machine",
      "model",
      "NUM_PARALLEL",
      "on the card",
      ...AGENTS_SHOWN.map((count) => `${count} ag. tasks/h`),
      "stops paying at",
    ],
    rows: rows.map(({ host, model, numParallel, onCard, tasksPerHour, stopsPayingAt }) => [
      host,
      model,
      String(numParallel),
      `${Math.round(onCard * 100)} %`,
      ...AGENTS_SHOWN.map((count) => whole(tasksPerHour[count - 1] ?? Number.NaN)),
      stopsPayingAt === null ? `> ${tasksPerHour.length}` : `agent ${stopsPayingAt}`,
    ]),
    notes: [
      `One machine, standard tasks only. An agent stops paying where it brings less than ${PAYS_AT_LEAST * 100} % of what the first does.`,
    ],
  };
}
