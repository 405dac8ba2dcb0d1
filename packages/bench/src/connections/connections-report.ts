/** What `bench connections` prints. */
import { scaled } from "../measure/estimate.ts";
import { estimateText } from "../report/summary.ts";
import { renderTable } from "../report/terminal.ts";
import type { IdleAgentsResult } from "./idle-agents.ts";
import type { JoinsResult } from "./joins.ts";

export interface ConnectionsResult {
  schema: "hubscale.connections/1";
  seed: number;
  /** Null: not asked for. */
  idle: IdleAgentsResult | null;
  joins: JoinsResult[] | null;
}

export function renderConnections({ idle, joins }: ConnectionsResult): string {
  return [...(idle ? [renderIdle(idle)] : []), ...(joins ? [renderJoins(joins)] : [])].join("\n\n");
}

function renderIdle(idle: IdleAgentsResult): string {
  const mib = (bytes: number) => `${Math.round(bytes / 1_048_576)} MiB`;
  return renderTable({
    caption: "Idle agents",
    head: [`${idle.agents} idle agents on one ${idle.hub}`, ""],
    rows: [
      ["connected at the end", `${idle.online} of ${idle.agents}`],
      ["memory of the hub for each connection", `${estimateText(idle.kibPerConnection)} KiB`],
      ["memory of the hub, before and after", `${mib(idle.rssBytes.before)}, ${mib(idle.rssBytes.after)}`],
      ["CPU of the hub", `${estimateText(idle.cpuPercent)} % of a core`],
      ["heartbeat frames in", `${estimateText(idle.heartbeatsPerSec)} /s`],
      ["CPU for a heartbeat frame and its answer", `${estimateText(idle.cpuMicrosPerHeartbeat)} µs`],
      ["registering and connecting them", `${seconds(idle.registerMs)} and ${seconds(idle.connectMs)}`],
    ],
    notes: [
      `CPU over ${idle.cpuPercent.n} windows of ${seconds(idle.windowMs)}, the period of a heartbeat; memory in ${idle.kibPerConnection.n} steps; without the kernel's socket buffers`,
    ],
  }).join("\n");
}

function renderJoins(joins: readonly JoinsResult[]): string {
  const sizes = joins[0]?.sizes.map(({ agents }) => agents) ?? [];
  const table = (caption: string, key: "framesPerJoin" | "cpuMicrosPerJoin") =>
    renderTable({
      caption,
      head: [caption, ...sizes.map((agents) => `N = ${agents}`)],
      rows: joins.map((each) => [each.hub, ...each.sizes.map((size) => estimateText(size[key]))]),
      notes: [],
    });
  const growth = renderTable({
    caption: "Growth",
    head: ["all N joins ~ N^b", "b of frames", "b of CPU", "CPU-µs of a join by itself", "and for each 100 agents that join"],
    rows: joins.map(({ hub, frames, cpu }) => [
      hub,
      estimateText(frames?.exponent),
      estimateText(cpu.exponent),
      estimateText(cpu.fixed),
      estimateText(scaled(cpu.perSize, 100)),
    ]),
    notes: [],
  });
  return [
    ...table("presence frames for each join", "framesPerJoin"),
    "",
    ...table("CPU-µs of the hub for each join", "cpuMicrosPerJoin"),
    "",
    ...growth,
  ].join("\n");
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
