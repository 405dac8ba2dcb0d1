/** What `bench engines` prints. */
import { estimateText } from "../report/summary.ts";
import { renderTable } from "../report/terminal.ts";
import { type Estimate, scaled } from "../measure/estimate.ts";
import type { EngineFigures, EnginesResult } from "./engines-run.ts";

export function renderEngines(result: EnginesResult): string {
  const { backbone, hub, inFlight, raw, repeats, serverCores, servers, share, withHub } = result;
  const row = (what: string, { tasksPerSec, serverCpuMsPerTask, serverBusy }: EngineFigures) => [
    what,
    estimateText(tasksPerSec),
    estimateText(serverCpuMsPerTask),
    `${estimateText(percent(serverBusy))} %`,
  ];
  const quota = serverCores === null ? "without a CPU quota" : `each with ${serverCores} of a core`;
  const table = renderTable({
    caption: "The engine, raw and with a hub around it",
    head: ["what", "tasks/s", "server CPU-ms/task", "servers busy"],
    rows: [row(RAW[backbone], raw), row(`${hub}, submission to acknowledged completion`, withHub)],
    notes: [
      `[low, high]: 95 % interval over ${repeats.length} repeats, interleaved. ${servers} ${SERVERS[backbone]}, ${quota}; hub nodes and clients without one. ${inFlight} tasks under way.`,
    ],
  });
  return [
    ...table,
    "",
    `share       ${estimateText(percent(share))} % of the raw engine's rate reaches the user`,
    `read it     ${readingOf(result)}`,
    `history     ${result.clean ? "clean" : "NOT CLEAN: acknowledged tasks were lost or done twice"}`,
  ].join("\n");
}

const RAW = {
  redis: "BullMQ, add + fetch + complete",
  nats: "JetStream, publish + consume + acknowledge",
} as const;
const SERVERS = { redis: "Redis", nats: "NATS" } as const;

/** A share says something of the hub's use of the engine only where the engine binds both. */
function readingOf({ raw, withHub }: EnginesResult): string {
  const isBound = ({ serverBusy }: EngineFigures) => serverBusy.value >= BOUND_SHARE;
  if (isBound(raw) && isBound(withHub))
    return "the server binds both: the share is what the hub's use of the engine leaves of it";
  if (isBound(raw))
    return "the server binds the raw engine but not the hub, whose nodes or whose load end before: give it more nodes (--nodes)";
  return "the server binds neither (its client ends before): give the server less (--cores), or read the CPU per task instead";
}

/** Of its quota: throttling takes the rest. */
const BOUND_SHARE = 0.85;

function percent(estimate: Estimate): Estimate {
  return scaled(estimate, 100, "%");
}
