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
  schema: "hubscale.density/1";
  seed: number;
  connections: number;
  framesPerSec: number;
  trials: DensityTrial[];
  clients: Partial<Record<DenseClient, DensityFigures>>;
  /** Null without the other tool. */
  ratio: { framesPerCpuSecond: Estimate; memory: Estimate } | null;
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
  return {
    schema: "hubscale.density/1",
    seed,
    connections,
    framesPerSec,
    trials,
    clients: {
      ...(sidecars ? { sidecars } : {}),
      ...(artillery ? { artillery } : {}),
      ...(checked ? { artillery_checked: checked } : {}),
    },
    ratio:
      sidecars && artillery
        ? {
            framesPerCpuSecond: quotient(sidecars.framesPerCpuSecond, artillery.framesPerCpuSecond, "×"),
            memory: quotient(sidecars.kibPerConnection, artillery.kibPerConnection, "×"),
          }
        : null,
  };
}

export function renderDensity(result: DensityResult): string {
  const { connections, framesPerSec, clients, ratio, trials } = result;
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
    ],
    notes: [
      `${connections} connections, ${framesPerSec} frames/s each way on each: ${2 * connections * framesPerSec} frames/s were asked for.`,
      "CPU and resident memory of the client's process by the operating system, frames counted by the server; no garbage collection was forced.",
    ],
  });
  const verdicts = ratio
    ? [
        "",
        `frames per CPU-second: ×${estimateText(ratio.framesPerCpuSecond)} of the tool's (aim: ×${AIMS.framesPerCpuSecond} or more: ${
          ratio.framesPerCpuSecond.low >= AIMS.framesPerCpuSecond ? "met" : "not met"
        })`,
        `memory per connection: ×${estimateText(ratio.memory)} of the tool's (aim: ×${AIMS.memory} or less: ${
          ratio.memory.high <= AIMS.memory ? "met" : "not met"
        })`,
      ]
    : [];
  return [...table, ...verdicts, `${trials.length} trials, in turn`].join("\n");
}
