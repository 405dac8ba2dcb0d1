/** A series of fault runs as one self-contained page. */
import { PAGE_THEME } from "../page/chart-theme.ts";
import { figureHtml, tableHtml } from "../page/markup.ts";
import { heading, list, paragraph, renderPage, svg } from "../report/page.ts";
import { timelineChart } from "./faults-chart.ts";
import type { FaultRun } from "./fault-run.ts";
import { faultTables, reproduction, runLine } from "./faults-report.ts";
import type { FaultsResult } from "./faults-result.ts";

/** Of several broken runs, as many are drawn; all are listed. */
const BROKEN_DRAWN = 10;

export function renderFaultsPage(result: FaultsResult): string {
  const { runs, hubs, environment, startedAt, durability } = result;
  const broken = runs.filter((run) => run.broken.length > 0);
  const faults = runs.reduce((sum, run) => sum + run.faults.length, 0);
  const tasks = runs.reduce((sum, run) => sum + run.history.acknowledged, 0);
  const kept =
    broken.length === 0
      ? "nothing acknowledged was lost or done twice"
      : `${broken.length} of ${runs.length} runs broke a guarantee`;
  return renderPage({
    title: `hubscale faults: ${hubs.map(({ hub }) => hub).join(", ")}, every store at ${durability}`,
    headline: `${runs.length} runs with ${faults} faults, ${tasks.toLocaleString("en")} tasks: ${kept}`,
    parts: [
      ...faultTables(result).map(tableHtml),
      list(
        "Broken",
        broken.map((run) => `${run.hub}, seed ${run.seed}: ${run.broken.join("; ")}. Again: ${reproduction(run, result)}`),
      ),
      heading("Timelines"),
      paragraph(
        "Submissions acknowledged and tasks done, a second, in steps of a quarter of a second; the shaded times are those of the faults. Drawn are the runs that broke a guarantee and, for each hub, the slowest recovery from each kind of fault that came alone.",
      ),
      ...[...broken.slice(0, BROKEN_DRAWN), ...slowestAlone(runs)].map((run) =>
        figureHtml(svg(timelineChart(run, PAGE_THEME)), runLine(run)),
      ),
      paragraph(
        `Started ${startedAt} on ${environment.cpuModel} (${environment.cpus} CPUs), ${environment.kernel}, load average ${environment.loadAverage1Min}. Every run is in faults.json.`,
      ),
    ],
  });
}

/** Of each hub and kind of fault, the run with this fault alone that took longest. */
export function slowestAlone(runs: readonly FaultRun[]): FaultRun[] {
  const slowest = new Map<string, FaultRun>();
  const seconds = ({ faults }: FaultRun) => faults[0]?.recoverySeconds ?? Number.POSITIVE_INFINITY;
  for (const run of runs) {
    if (run.faults.length !== 1 || run.broken.length > 0) continue;
    const key = `${run.hub} ${run.faults[0]?.fault.kind}`;
    const before = slowest.get(key);
    if (!before || seconds(run) > seconds(before)) slowest.set(key, run);
  }
  return [...slowest.keys()].sort().flatMap((key) => slowest.get(key) ?? []);
}
