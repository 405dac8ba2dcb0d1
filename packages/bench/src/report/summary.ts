/** The result as words and table cells, once, for the terminal, Markdown and HTML alike. */
import { realHubLines } from "../calibrate/real-hub-text.ts";
import { fleetLines } from "../fleet/compared-fleet.ts";
import { significant, WORK_WORDS } from "../decision/decision.ts";
import { type Estimate, scaled } from "../measure/estimate.ts";
import type { Table } from "../page/markup.ts";
import type { CompareResult, HarnessFloor, HubResult } from "../results/compare-result.ts";
import { isClean, protocolFaultsText } from "../results/history.ts";
import { machineSpeedOf, NOTABLE_OTHERS_CORES, NOTABLE_SWING, othersCoresOf } from "../results/machine-meanwhile.ts";
import { bottleneckLines, modelErrorLines, scalingLines } from "./model-lines.ts";

export type { Table };

export interface Summary {
  title: string;
  /** The first line: the answer. */
  verdict: string;
  stamp: string;
  invalid: string[];
  main: Table;
  because: string[];
  flipsWhen: string[];
  marginal: string[];
  nextBottleneck: string[];
  scaling: string[];
  modelError: string[];
  costs: Table;
  work: Table;
  checks: Table;
  machine: Table;
  notMeasured: string[];
}

export function summarise(result: CompareResult): Summary {
  const { decision, hubs, isolation } = result;
  const inFleet = fleetLines(result);
  const withStreaming = hubs.some(({ capacity }) => capacity.streamingAgents !== null);
  return {
    title: `hubscale compare: ${hubs.map((hub) => hub.id).join(" · ")}`,
    verdict: decision.verdict,
    stamp: stampOf(result),
    invalid: hubs.flatMap((hub) => hub.invalidReasons.map((reason) => `${hub.id}: ${reason}`)),
    main: {
      caption: `Capacity at ${result.slo}`,
      head: [
        "hub",
        "capacity tasks/s",
        ...(withStreaming ? ["streaming agents"] : []),
        "assign p99",
        "CPU-ms/task hub+backbone",
        "fsync/task",
        "bound by",
      ],
      rows: hubs.map((hub) => [
        hub.valid ? hub.id : `${hub.id} (invalid)`,
        estimateText(hub.capacity.tasksPerSec),
        ...(withStreaming ? [estimateText(hub.capacity.streamingAgents)] : []),
        withUnit(hub.latency.assignMsP99, "ms"),
        roleCpu(hub),
        fsyncText(hub),
        hub.bound.explanation,
      ]),
      notes: notesOf(result),
    },
    because: [...decision.because, ...realHubLines(result.realHub)],
    flipsWhen: [...decision.flipsWhen, ...inFleet.flips],
    marginal: [...decision.marginal, ...inFleet.marginal],
    nextBottleneck: [...bottleneckLines(result.model), ...inFleet.next],
    scaling: scalingLines(result.scaling),
    modelError: modelErrorLines(result.model),
    costs: costTable(hubs),
    work: workTable(hubs),
    checks: checkTable(hubs),
    machine: {
      caption: "Where this was measured",
      head: ["what", "value"],
      rows: [
        ...Object.entries(result.environment).map(([name, value]) => [name, plain(value)]),
        ["isolation", `${isolation.kind}: ${isolation.how}`],
        ...speedRows(result),
        ["seed", String(result.seed)],
        ["effort", `${result.effort}, ${Math.round(result.wallSeconds)} s`],
        [
          "workload",
          `${result.workload.name}: ${result.workload.agents} agents, ${result.workload.completedRows} completed rows at the start, work ${result.workload.work}`,
        ],
      ],
      notes: [],
    },
    notMeasured: result.notMeasured,
  };
}

/** `712 [650, 790]`, or a dash where nothing was measured. */
export function estimateText(estimate: Estimate | null | undefined): string {
  if (!estimate) return "–";
  // One observation has no interval, and must not look as if it had a narrow one.
  if (estimate.unit.endsWith("at least")) return `≥ ${significant(estimate.value)}`;
  if (estimate.n < 2) return `${significant(estimate.value)} (one trial)`;
  return `${significant(estimate.value)} [${significant(estimate.low)}, ${significant(estimate.high)}]`;
}

function withUnit(estimate: Estimate | null, unit: string): string {
  return estimate ? `${estimateText(estimate)} ${unit}` : "–";
}

function stampOf(result: CompareResult): string {
  const verified = [...new Set(result.hubs.map((hub) => hub.durability.verified))].join(", ");
  const required = [...new Set(result.hubs.map((hub) => hub.durability.required))].join(", ");
  const totals = result.hubs.map((hub) => hub.history);
  const bad = !totals.every(isClean);
  const valid = result.hubs.every((hub) => hub.valid);
  return `${valid ? "valid" : "not all hubs valid"} · durability ${required} required, ${verified} verified · history ${bad ? "NOT CLEAN" : "clean"}`;
}

function notesOf(result: CompareResult): string[] {
  const notes = ["[low, high]: 95 % interval. Capacity: the load at which a trial is as likely to hold the SLO as to miss it."];
  if (result.resumed) {
    const { trials, startedAt } = result.resumed;
    notes.push(
      `Resumed: ${trials} trials were kept of the start of ${startedAt.slice(0, 19)}; each hub began anew with an empty store after it.`,
    );
  }
  const floorMs = result.environment["fsyncFloorMs"];
  if (floorMs !== undefined) notes.push(slowedDiskNote(floorMs));
  if (result.floor) notes.push(floorNote(result.floor));
  notes.push(...quantityNotes(result));
  for (const { id, capacity, capacityNotes } of result.hubs) {
    if (capacity.tasksPerSec && capacityNotes?.tasksPerSec) notes.push(`${id}: ${capacityNotes.tasksPerSec}.`);
  }
  const unsteady = result.hubs.filter(
    (hub) => hub.warmUp && hub.warmUp.cpuMsPerTask.length > 0 && hub.warmUp.steadyFrom === null,
  );
  if (unsteady.length > 0) {
    notes.push(`Never steady in the warm-up (what a task cost still changed): ${unsteady.map(({ id }) => id).join(", ")}.`);
  }
  notes.push(...othersNotes(result), ...swingNotes(result));
  const cores = result.isolation.coresPerMachine;
  if (result.environment["hosts"] !== undefined) {
    notes.push(
      `On ${result.isolation.how}. No CPU quota: each process had what its machine gave it, nodes on one machine shared it, and latencies hold the network. A machine that is faster makes its hub faster: results.json says what each is (environment.hosts).`,
    );
  } else if (cores === null) {
    notes.push(
      `No CPU quota (${result.isolation.how}): hubs of several processes shared this machine's cores with the load generator, so compare CPU-ms/task and read their capacity as this machine's, not the hub's.`,
    );
  } else {
    notes.push(
      `Each hub node and each backbone server ran with ${cores} of a core (${result.isolation.how}): a slow motion in which the SLO's bound is stretched to ${Math.round(result.appliedBoundMs)} ms. Compare the hubs with each other; do not quote the latencies. The disk was not slowed down.`,
    );
  }
  return notes;
}

function speedRows(result: CompareResult): [string, string][] {
  const speed = machineSpeedOf(result);
  if (!speed) return [];
  const { median, low, high, trials } = speed;
  const text = `${significant(median)} CPU-ms (median of ${trials} trials; nine in ten from ${significant(low)} to ${significant(high)})`;
  return [["the same piece of work took", text]];
}

/** The hubs take turns, so what the machine does meets all of them; what one of them bears by itself is another matter. */
function swingNotes(result: CompareResult): string[] {
  const speed = machineSpeedOf(result);
  if (!speed || speed.high < NOTABLE_SWING * speed.low) return [];
  const { low, high } = speed;
  return [
    `This machine was not of one speed: the same piece of work took from ${significant(low)} to ${significant(high)} CPU-ms, trial by trial. The hubs took turns, so their ratios suffer least; a capacity by itself may be off by more than its interval in another run.`,
  ];
}

/** Empty where what else ran on the machine was little, or is not known. */
export function othersNotes(result: Pick<CompareResult, "hubs">): string[] {
  const others = othersCoresOf(result);
  if (!others || others.median < NOTABLE_OTHERS_CORES) return [];
  return [
    `OTHER PROGRAMS used ${significant(others.median)} of a core at the median trial (nine in ten from ${significant(others.low)} to ${significant(others.high)}), so a task cost more here than alone, up to twice as much: end what else runs and measure again.`,
  ];
}

function floorNote(floor: HarnessFloor): string {
  const { tasksPerSec, assignMsP50, assignMsP99, generatorCpuMsPerTask } = floor;
  return `The harness itself, against a hub that does nothing at ${tasksPerSec} tasks/s: assign p50 ${significant(assignMsP50)} ms, p99 ${significant(assignMsP99)} ms, ${significant(generatorCpuMsPerTask)} CPU-ms of the generator per task.`;
}

function quantityNotes({ hubs }: CompareResult): string[] {
  return QUANTITY_WORDS.flatMap(([quantity, words]) => {
    const figures = hubs.flatMap((hub) => {
      const found = hub.capacity[quantity];
      const note = hub.capacityNotes?.[quantity];
      if (found) return [`${hub.id} ${estimateText(found)}${note ? ` (${note})` : ""}`];
      return note && hub.quantityTrials?.[quantity] ? [`${hub.id} none: ${note}`] : [];
    });
    return figures.length > 0 ? [`${words}: ${figures.join("; ")}.`] : [];
  });
}

const QUANTITY_WORDS = [
  ["streamingAgents", "Streaming agents (each 10 frames/s) at report.p99 < 100 ms"],
  ["messagesPerSec", "Direct messages/s at deliver.p99 < 100 ms"],
  ["connections", "Idle agents at pong.p99 < 100 ms"],
] as const;

/** What must stand beside every figure that was measured so. */
export function slowedDiskNote(fsyncFloorMs: unknown): string {
  return `NOT THIS DISK: every sync of the hub was made to take ${String(fsyncFloorMs)} ms or longer (--fsync-floor-ms), to see what it would do on a slower one.`;
}

/** What the capacity chart shows. */
export function capacityTable({ hubs }: CompareResult): Table {
  return {
    caption: "Capacity",
    head: ["hub", "tasks/s", "why not, or how to read it"],
    rows: hubs.map(({ id, capacity, capacityNotes }) => [
      id,
      estimateText(capacity.tasksPerSec),
      capacityNotes?.tasksPerSec ?? "",
    ]),
    notes: [],
  };
}

/** What the scaling chart shows. */
export function scalingTable({ hubs }: CompareResult): Table {
  return {
    caption: "Capacity by hub nodes",
    head: ["hub", "hub nodes", "backbone servers", "tasks/s"],
    rows: hubs.map(({ id, capacity, machines }) => [
      id,
      String(machines.hubNodes),
      String(machines.backboneServers),
      estimateText(capacity.tasksPerSec),
    ]),
    notes: [],
  };
}

/** What the latency chart shows. */
export function latencyTable({ hubs }: CompareResult): Table {
  return {
    caption: "Trials",
    head: ["hub", "offered tasks/s", "assign p99, ms", "the SLO"],
    rows: hubs.flatMap(({ id, trials }) =>
      trials.map(({ load, assignMsP99, outcome }) => [
        id,
        significant(load),
        assignMsP99 === null ? "–" : significant(assignMsP99),
        outcome,
      ]),
    ),
    notes: [],
  };
}

function costTable(hubs: readonly HubResult[]): Table {
  return {
    caption: "What a completed task costs, by role",
    head: [
      "hub",
      "role",
      "CPU-ms/task",
      "fsync/task",
      "KB read/task",
      "KB written/task",
      "KB to disk/task",
      "switches/task",
      "RSS MiB",
      "trials",
    ],
    rows: hubs.flatMap((hub) =>
      Object.entries(hub.perTask).map(([role, cost]) => [
        hub.id,
        role,
        estimateText(cost.cpuMs),
        estimateText(cost.fsyncs),
        kilobytes(cost.bytesIn),
        kilobytes(cost.bytesOut),
        kilobytes(cost.diskBytes),
        estimateText(cost.contextSwitches),
        estimateText(cost.rssMiB),
        String(cost.cpuMs?.n ?? 0),
      ]),
    ),
    notes: [
      "From the operating system's accounting of each process, over the valid trials near the capacity; the drain after the load is included, so work put off is counted. Read and written: by system calls, sockets and files alike.",
    ],
  };
}

function kilobytes(bytes: Estimate | null | undefined): string {
  return estimateText(bytes && scaled(bytes, 1e-3));
}

/** What the hubs counted of their own work: the reason for what they cost. */
function workTable(hubs: readonly HubResult[]): Table {
  const names = [...new Set(hubs.flatMap((hub) => Object.keys(hub.workPerTask)))];
  const rowOf = (hub: HubResult) => [hub.id, ...names.map((name) => estimateText(hub.workPerTask[name]))];
  return {
    caption: "Work done for one completed task, as each hub counted it",
    head: ["hub", ...names.map((name) => WORK_WORDS[name] ?? name)],
    rows: hubs.filter((hub) => Object.keys(hub.workPerTask).length > 0).map(rowOf),
    notes: ["C-numbers: the costs of the reference hub, docs/differences.md."],
  };
}

function checkTable(hubs: readonly HubResult[]): Table {
  return {
    caption: "Every task of every trial, checked",
    head: [
      "hub",
      "submitted",
      "acknowledged",
      "completed",
      "dead letters",
      "lost",
      "duplicated",
      "stale accepted",
      "not known",
      "trials held/missed/invalid",
    ],
    rows: hubs.map(({ id, history, trials }) => [
      id,
      ...[history.submitted, history.acknowledged, history.completed, history.deadLettered].map((n) => n.toLocaleString("en")),
      ...[history.lost, history.duplicated, history.staleAccepted, history.unverified ?? 0].map(String),
      ["held", "missed", "invalid"].map((outcome) => trials.filter((t) => t.outcome === outcome).length).join("/"),
    ]),
    notes: hubs.flatMap(({ id, history }) => {
      const faults = protocolFaultsText(history.protocolFaults);
      return faults === undefined ? [] : [`${id} broke the contract: ${faults}`];
    }),
  };
}

function roleCpu(hub: HubResult): string {
  const node = hub.perTask.hub?.cpuMs;
  if (!node) return "–";
  const backbone = hub.perTask.redis?.cpuMs ?? hub.perTask.nats?.cpuMs;
  return backbone ? `${significant(node.value)} + ${significant(backbone.value)}` : significant(node.value);
}

function fsyncText(hub: HubResult): string {
  const known = Object.values(hub.perTask).flatMap((cost) => (cost.fsyncs ? [cost.fsyncs.value] : []));
  return known.length > 0 ? significant(known.reduce((sum, n) => sum + n, 0)) : "–";
}

function plain(value: unknown): string {
  if (value === null || value === undefined) return "unknown";
  if (typeof value === "number") return String(Number(value.toPrecision(4)));
  if (typeof value !== "object") return String(value);
  return Object.entries(value)
    .map(([k, v]) => (Array.isArray(value) ? plain(v) : `${k} ${plain(v)}`))
    .join(", ");
}
