/** What `bench sizes` prints. */
import { estimateText } from "../report/summary.ts";
import { renderTable } from "../report/terminal.ts";
import type { SeriesResult, SizesResult } from "./size-series.ts";

export function renderSizes(result: SizesResult): string {
  const { series, rounds, isolation, hubsAtOnce } = result;
  const share =
    isolation.coresPerHub === null
      ? `no CPU quota (${isolation.how})`
      : `each hub ${isolation.coresPerHub} of a core (${isolation.how}), ${hubsAtOnce} at a time: compare the sizes, do not quote the rates`;
  return [
    ...series.map(({ verdict }) => verdict),
    ...series.flatMap((each) => ["", tableOf(each)]),
    "",
    `capacity here: tasks of a slice over the time until the hub owed nothing, put-off scheduling passes included · ${rounds} rounds, the sizes in turn`,
    `[low, high]: 95 % bootstrap interval over the rounds, ratios within the round · ${share}`,
    "completed rows are kept (--retain-completed): with retention a mended hub has no old rows to be slowed by",
  ].join("\n");
}

function tableOf({ hub, sizes }: SeriesResult): string {
  return renderTable({
    caption: hub,
    head: [hub, "agents", "capacity tasks/s", "× first", "CPU-ms/task", "CPU × first"],
    rows: sizes.map((size) => [
      `${size.completedRows.toLocaleString("en")} completed rows`,
      String(size.agents),
      estimateText(size.tasksPerSec),
      size.capacityRatio ? estimateText(size.capacityRatio) : "",
      estimateText(size.cpuMsPerTask),
      size.cpuRatio ? estimateText(size.cpuRatio) : "",
    ]),
    notes: [],
  }).join("\n");
}
