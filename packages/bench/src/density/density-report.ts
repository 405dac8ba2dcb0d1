/** What `bench density` prints. */
import { type Estimate, quotient, ratioEstimate, seededRandom } from "../measure/estimate.ts";
import { estimateText } from "../report/summary.ts";
import { renderTable } from "../report/terminal.ts";
import { ARTILLERY } from "./artillery.ts";
import { DENSITY_LOADS, type DensityLoad, framesBothWays } from "./density-load.ts";
import type { DenseClient, DensityTrial } from "./density-run.ts";

export interface DensityFigures {
  framesPerCpuSecond: Estimate;
  kibPerConnection: Estimate;
  /** Resident at the end of the window, the program itself included. */
  mibInAll: Estimate;
  framesPerSec: Estimate;
}

export interface DensityResult {
  schema: "hubscale.density/3";
  seed: number;
  connections: number;
  /** Out of each connection. */
  framesPerSec: number;
  trials: DensityTrial[];
  loads: Partial<Record<DensityLoad, LoadResult>>;
}

export interface LoadResult {
  clients: Partial<Record<DenseClient, DensityFigures>>;
  /** Over the tool that does the same, looking at each answer; null without the tool. */
  ratio: DensityRatio | null;
  /** The same for bare sockets, where they were measured: about the most frames that a client in Node can reach. */
  bareRatio: DensityRatio | null;
}

export interface DensityRatio {
  framesPerCpuSecond: Estimate;
  memory: Estimate;
}

/** What a dense simulation must be worth beside a general tool: it is to leave the machine to the hubs. */
export const AIMS = { framesPerCpuSecond: 5, memory: 0.1 };

export function densityResult(
  trials: DensityTrial[],
  { seed, connections, framesPerSec }: { seed: number; connections: number; framesPerSec: number },
): DensityResult {
  const loads: DensityResult["loads"] = {};
  for (const load of DENSITY_LOADS) {
    const own = trials.filter((trial) => trial.load === load);
    if (own.length > 0) loads[load] = loadResult(own, seed);
  }
  return { schema: "hubscale.density/3", seed, connections, framesPerSec, trials, loads };
}

function loadResult(trials: DensityTrial[], seed: number): LoadResult {
  const clients: LoadResult["clients"] = {};
  for (const client of Object.keys(NAMES) as DenseClient[]) {
    const own = trials.filter((trial) => trial.client === client);
    if (own.length > 0) clients[client] = figuresOf(own, seed);
  }
  const { sidecars, artillery_checked: checked, bare_sockets: bare } = clients;
  return {
    clients,
    ratio: sidecars && checked ? ratioOf(sidecars, checked) : null,
    bareRatio: bare && checked ? ratioOf(bare, checked) : null,
  };
}

function figuresOf(trials: DensityTrial[], seed: number): DensityFigures {
  const random = seededRandom(seed);
  const ratio = (unit: string, of: (trial: DensityTrial) => [number, number]) =>
    ratioEstimate(
      trials.map((trial) => of(trial)).map(([numerator, denominator]) => ({ numerator, denominator })),
      unit,
      random,
    ) as Estimate;
  return {
    framesPerCpuSecond: ratio("frames/CPU-s", ({ frames, cpuSeconds }) => [frames, cpuSeconds]),
    kibPerConnection: ratio("KiB", ({ rssBytes, connections: held }) => [(rssBytes.after - rssBytes.before) / 1024, held]),
    mibInAll: ratio("MiB", ({ rssBytes }) => [rssBytes.after / 1024 / 1024, 1]),
    framesPerSec: ratio("frames/s", ({ frames, windowMs }) => [frames, windowMs / 1000]),
  };
}

function ratioOf(figures: DensityFigures, tool: DensityFigures): DensityRatio {
  return {
    framesPerCpuSecond: quotient(figures.framesPerCpuSecond, tool.framesPerCpuSecond, "×"),
    memory: quotient(figures.kibPerConnection, tool.kibPerConnection, "×"),
  };
}

export function renderDensity(result: DensityResult): string {
  const lines: string[] = [];
  for (const load of DENSITY_LOADS) {
    const own = result.loads[load];
    if (own) lines.push(...renderLoad(load, own, result), "");
  }
  return [...lines, `${result.trials.length} trials, in turn`].join("\n");
}

/** In the order of their rows. */
const NAMES: Record<DenseClient, string> = {
  sidecars: "simulated sidecars",
  artillery: `${ARTILLERY}, answers received`,
  artillery_checked: `${ARTILLERY}, answers checked`,
  bare_sockets: "bare sockets, nothing looked at",
};

function renderLoad(
  load: DensityLoad,
  { clients, ratio, bareRatio }: LoadResult,
  { connections, framesPerSec }: DensityResult,
): string[] {
  const table = renderTable({
    caption: `Density, ${load}`,
    head: [load, "frames/CPU-s", "KiB/connection", "MiB in all", "frames/s reached"],
    rows: (Object.keys(NAMES) as DenseClient[]).flatMap((client) => {
      const figures = clients[client];
      return figures
        ? [
            [NAMES[client], figures.framesPerCpuSecond, figures.kibPerConnection, figures.mibInAll, figures.framesPerSec].map(
              cellOf,
            ),
          ]
        : [];
    }),
    notes: [
      `${connections} connections, ${framesPerSec} frames/s out of each: ${connections * framesBothWays(load, framesPerSec)} frames/s both ways were asked for.`,
      "CPU and resident memory of the client's process by the operating system, frames counted by the server; no garbage collection was forced.",
    ],
  });
  if (!ratio) return table;
  const bare = (of: keyof DensityRatio) => (bareRatio ? `; bare sockets ×${estimateText(bareRatio[of])}` : "");
  const isFast = ratio.framesPerCpuSecond.low >= AIMS.framesPerCpuSecond;
  const isSmall = ratio.memory.high <= AIMS.memory;
  return [
    ...table,
    `  frames per CPU-second: ×${estimateText(ratio.framesPerCpuSecond)} of the tool's where it checks the answers (aim: ×${AIMS.framesPerCpuSecond} or more: ${
      isFast ? "met" : "not met"
    })${bare("framesPerCpuSecond")}`,
    `  memory per connection: ×${estimateText(ratio.memory)} of the tool's (aim: ×${AIMS.memory} or less: ${
      isSmall ? "met" : "not met"
    })${bare("memory")}`,
  ];
}

function cellOf(value: string | Estimate): string {
  return typeof value === "string" ? value : estimateText(value);
}
