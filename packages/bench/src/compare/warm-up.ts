/** Load that is not measured, until a task costs the same from slice to slice: code gets compiled, connections are opened. */
import { steadyFrom } from "../measure/change-point.ts";
import type { WarmUp } from "../results/compare-result.ts";
import type { LoadGenerator, MeasuredHub } from "./contender.ts";

const SLICE_MS = 250;
/** A hub that is not steady by then is measured all the same, and said not to have been. */
const MOST_SLICES = 8;
/** Of a hub whose CPU is not known. */
const BLIND_SLICES = 4;

export async function warmUp(
  generator: Pick<LoadGenerator, "probe">,
  hub: Pick<MeasuredHub, "cpuSecondsByRole">,
  { inFlight, seed }: { inFlight: number; seed: number },
): Promise<WarmUp> {
  const cpuMsPerTask: number[] = [];
  const isBlind = Object.keys(hub.cpuSecondsByRole()).length === 0;
  for (let slice = 0; slice < (isBlind ? BLIND_SLICES : MOST_SLICES); slice++) {
    const before = total(hub.cpuSecondsByRole());
    const { paid } = await generator.probe(inFlight, SLICE_MS, seed + slice);
    if (isBlind || paid === 0) continue;
    cpuMsPerTask.push(((total(hub.cpuSecondsByRole()) - before) * 1000) / paid);
    if (steadyFrom(cpuMsPerTask) !== null) break;
  }
  return { cpuMsPerTask, sliceMs: SLICE_MS, steadyFrom: steadyFrom(cpuMsPerTask) };
}

function total(byRole: Record<string, number>): number {
  return Object.values(byRole).reduce((sum, seconds) => sum + seconds, 0);
}
