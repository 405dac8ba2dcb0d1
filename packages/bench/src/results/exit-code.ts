/** How a comparison ends for the shell, from its result alone: `bench report` says it again later. */
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { CompareResult } from "./compare-result.ts";
import { isClean } from "./history.ts";

/** 4 when a hub broke a guarantee or could not be measured, 99 when a threshold was missed, 3 when nothing could be decided. */
export function exitCodeOf(result: CompareResult): ExitCode {
  const { hubs, decision } = result;
  if (!hubs.every(({ history }) => isClean(history))) return EXIT.invalid;
  const measured = hubs.filter((hub) => hub.trials.length > 0);
  if (measured.some((hub) => !hub.valid)) return EXIT.invalid;
  if (result.thresholds?.some(({ met }) => !met)) return EXIT.thresholdMissed;
  return decision.verdict.startsWith("No verdict") ? EXIT.inconclusive : EXIT.ok;
}
