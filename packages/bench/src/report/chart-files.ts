/** Charts as files of their own, for a pull request that shows report.md: in plain colours on white, whatever shows them. */
import { ladderCapacityChart } from "../ladder/ladder-chart.ts";
import { captionOf } from "../ladder/ladder-report.ts";
import { FILE_THEME } from "../page/chart-theme.ts";
import { agentsPerGpu, type FleetInput } from "@hubscale/fleet-model";
import { type ChartOptions, gpuAgentsChart, marginalChart, wallsChart } from "../page/fleet-charts.ts";
import type { CompareResult } from "../results/compare-result.ts";
import { capacityChart, cpuChart, latencyChart, scalingChart } from "./compare-charts.ts";
import { svg } from "./page.ts";

export interface ChartFile {
  /** Without `.svg`. */
  name: string;
  title: string;
  svg: string;
}

export function chartFiles(result: CompareResult): ChartFile[] {
  const decision = result.fleet?.decision;
  return [
    ...file("capacity", "Capacity with its 95 % interval", capacityChart(result, FILE_THEME)),
    ...file("scaling", "Capacity by hub nodes", scalingChart(result, FILE_THEME)),
    ...file("latency", "Latency against offered load", latencyChart(result, FILE_THEME)),
    ...file("cpu", "CPU per task by role", cpuChart(result, FILE_THEME)),
    ...(decision
      ? [
          ...file("walls", "Walls in order", wallsChart(decision, FILE_THEME)),
          ...file("marginal", "What one more gives", marginalChart(decision, FILE_THEME)),
          ...(result.fleet ? gpuFiles(result.fleet.input) : []),
        ]
      : []),
    ...(result.ladder?.ladders ?? []).flatMap((ladder, i) =>
      file(`ladder-${i + 1}`, `The ladder: ${captionOf(ladder.condition)}`, ladderCapacityChart(ladder, FILE_THEME)),
    ),
  ];
}

/** One for each kind of machine with a GPU. */
function gpuFiles(input: FleetInput): ChartFile[] {
  const rows = agentsPerGpu(input);
  return input.fleet.hosts
    .filter(({ gpu }) => gpu)
    .flatMap((host, i) =>
      file(
        `gpu-${i + 1}`,
        `Standard tasks per hour by agents on one machine ${host.name}, by NUM_PARALLEL`,
        gpuAgentsChart(
          rows.filter((row) => row.host === host.name),
          host,
          FILE_THEME,
        ),
      ),
    );
}

function file(name: string, title: string, chart: ChartOptions | null): ChartFile[] {
  if (!chart) return [];
  const style = { background: "white", color: FILE_THEME.ink, fontSize: "13px", fontFamily: "sans-serif" };
  return [{ name, title, svg: `${svg({ ...chart, style })}\n` }];
}
