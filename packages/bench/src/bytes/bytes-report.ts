import type { SegmentTraffic } from "@hubscale/fleet-model";
import { busySec, LINES_MBIT, requestsOf } from "./uplink-table.ts";
import type { BytesResult } from "./bytes-schema.ts";

export type { BytesResult };

/** Two Markdown tables. */
export function renderBytes({ count, lines, timeScale }: BytesResult): string {
  return [
    `Bytes of one task, counted on the sockets (HTTP and WebSocket heads included, TCP and below not); stubs at ${timeScale} times the pace of life.`,
    "",
    ...table(
      ["tier", "tasks", "requests", "busy s", "→ hub", "← hub", "→ Ollama", "← Ollama", "→ API", "← API"],
      count.tiers.map((task) => [
        task.tier,
        `${task.tasks}`,
        requestsOf(task).toFixed(0),
        busySec(task, requestsOf(task)).toFixed(1),
        ...segment(task.hub),
        ...segment(task.ollama),
        ...segment(task.api),
      ]),
    ),
    "",
    `In brackets: writes. An agent that does nothing: ${perHour(count.idle.up.bytes)} up, ${perHour(count.idle.down.bytes)} down an hour.`,
    "",
    "Agents that always work on one line, the same rate in both directions, filled to the last bit on the average:",
    "",
    ...table(
      ["tier", "line carries", "kbit/s up", "kbit/s down", "full first", ...LINES_MBIT.map((mbit) => `${mbit} Mbit/s`)],
      lines.map(({ tier, layout, bitsPerSec, bound, agents }) => [
        tier,
        layout,
        (bitsPerSec.up / 1_000).toFixed(1),
        (bitsPerSec.down / 1_000).toFixed(1),
        bound,
        ...agents.map((each) => Math.floor(each).toLocaleString("en-US")),
      ]),
    ),
  ].join("\n");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)];
}

function segment({ up, down }: SegmentTraffic): string[] {
  return [up, down].map(({ bytes, writes }) => (writes > 0 ? `${sized(bytes)} (${Math.round(writes)})` : "–"));
}

function sized(bytes: number): string {
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(2)} MB`;
  return bytes >= 1e4 ? `${(bytes / 1e3).toFixed(1)} kB` : `${Math.round(bytes).toLocaleString("en-US")} B`;
}

const perHour = (bytesPerSec: number) => sized(bytesPerSec * 3_600);
