/** What `bench density` prints. */
import { type Estimate, quotient, ratioEstimate, seededRandom } from "../measure/estimate.ts";
import { estimateText } from "../report/summary.ts";
import { renderTable } from "../report/terminal.ts";
import { ARTILLERY } from "./artillery.ts";
import type { DenseClient, DensityTrial } from "./density-run.ts";

export interface DensityFigures {
  framesPerCpuSecond: Estimate;
  kibPerConnection: Estimate;
  framesPerSec: Estimate;
}

export interface DensityResult {
  schema: "hubscale.density/2";
  seed: number;
  connections: number;
  framesPerSec: number;
  trials: DensityTrial[];
  clients: Partial<Record<DenseClient, DensityFigures>>;
  /** Over the tool that does the same, looking at each answer; null without the tool. */
  ratio: DensityRatio | null;
  /** The same for bare sockets: no client in Node can be better. */
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
  const figures = (client: DenseClient): DensityFigures | undefined => {
    const own = trials.filter((trial) => trial.client === client);
    if (own.length === 0) return undefined;
    const random = seededRandom(seed);
    const ratio = (unit: string, of: (trial: DensityTrial) => [number, number]) =>
      ratioEstimate(
        own.map((trial) => of(trial)).map(([numerator, denominator]) => ({ numerator, denominator })),
        unit,
        random,
      ) as Estimate;
    return {
      framesPerCpuSecond: ratio("frames/CPU-s", ({ frames, cpuSeconds }) => [frames, cpuSeconds]),
      kibPerConnection: ratio("KiB", ({ rssBytes, connections: held }) => [(rssBytes.after - rssBytes.before) / 1024, held]),
      framesPerSec: ratio("frames/s", ({ frames, windowMs }) => [frames, windowMs / 1000]),
    };
  };
  const sidecars = figures("sidecars");
  const artillery = figures("artillery");
  const checked = figures("artillery_checked");
  const bare = figures("bare_sockets");
  return {
    schema: "hubscale.density/2",
    seed,
    connections,
    framesPerSec,
    trials,
    clients: {
      ...(sidecars ? { sidecars } : {}),
      ...(artillery ? { artillery } : {}),
      ...(checked ? { artillery_checked: checked } : {}),
      ...(bare ? { bare_sockets: bare } : {}),
    },
    ratio: sidecars && checked ? ratioOf(sidecars, checked) : null,
    bareRatio: bare && checked ? ratioOf(bare, checked) : null,
  };
}

function ratioOf(figures: DensityFigures, tool: DensityFigures): DensityRatio {
  return {
    framesPerCpuSecond: quotient(figures.framesPerCpuSecond, tool.framesPerCpuSecond, "×"),
    memory: quotient(figures.kibPerConnection, tool.kibPerConnection, "×"),
  };
}

export function renderDensity(result: DensityResult): string {
  const { connections, framesPerSec, clients, ratio, bareRatio, trials } = result;
  const row = (name: string, figures: DensityFigures | undefined) =>
    figures
      ? [
          [
            name,
            estimateText(figures.framesPerCpuSecond),
            estimateText(figures.kibPerConnection),
            estimateText(figures.framesPerSec),
          ],
        ]
      : [];
  const table = renderTable({
    caption: "Density",
    head: ["client", "frames/CPU-s", "KiB/connection", "frames/s reached"],
    rows: [
      ...row("simulated sidecars", clients.sidecars),
      ...row(`${ARTILLERY}, answers received`, clients.artillery),
      ...row(`${ARTILLERY}, answers checked`, clients.artillery_checked),
      ...row("bare sockets, nothing looked at", clients.bare_sockets),
    ],
    notes: [
      `${connections} connections, ${framesPerSec} frames/s each way on each: ${2 * connections * framesPerSec} frames/s were asked for.`,
      "CPU and resident memory of the client's process by the operating system, frames counted by the server; no garbage collection was forced.",
    ],
  });
  const verdicts =
    ratio && bareRatio
      ? [
          "",
          `frames per CPU-second: ×${estimateText(ratio.framesPerCpuSecond)} of the tool's where it checks the answers (aim: ×${AIMS.framesPerCpuSecond} or more: ${
            ratio.framesPerCpuSecond.low >= AIMS.framesPerCpuSecond ? "met" : "not met"
          }); bare sockets ×${estimateText(bareRatio.framesPerCpuSecond)}`,
          `memory per connection: ×${estimateText(ratio.memory)} of the tool's (aim: ×${AIMS.memory} or less: ${
            ratio.memory.high <= AIMS.memory ? "met" : "not met"
          }); bare sockets ×${estimateText(bareRatio.memory)}`,
        ]
      : [];
  return [...table, ...verdicts, `${trials.length} trials, in turn`].join("\n");
}
