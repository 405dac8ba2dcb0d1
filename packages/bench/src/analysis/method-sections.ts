/** What carries over to the hub that the twin stands for, and where the method ends. */
import type { Estimate } from "../measure/estimate.ts";
import { estimate, percent } from "../page/figures-in-words.ts";
import { table } from "./footnotes.ts";
import type { ResultFolder } from "./result-folder.ts";

export function beamSection({ compare, notes }: ResultFolder): string[] {
  const prediction = compare?.value.realHub;
  const twin = notes.mark("[docs/differences.md](differences.md), the costs C1 to C11 and where they are paid");
  const why = notes.mark("[decision 0013](decisions/0013-a-prediction-for-the-real-hub.md)");
  return [
    "## 7. What carries over to a hub on the BEAM, and what does not",
    "",
    `Carries over: **counts**. The twin does the work of that hub for the same reasons: the same synced changes, folds over rows, scheduling passes, states asked for and frames for a task${twin}. What a repair removes here it removes there. So do the bytes on the wire, the rules of the endpoints and the API, what a lease and a generation guarantee, and the order of the walls that are counted in rows, bytes or frames.`,
    "",
    `Does not carry over: **times**. Absolute capacities and latencies are Node's and LevelDB's. On the BEAM, sockets and agents are processes that run on all cores while the table is one process, so what the twin does beside its table weighs more here than there; a call to each agent's process costs more there than a lookup here; garbage is collected process by process, and a mailbox without bound grows where the twin's queue of passes does${why}. How Erlang's own distribution would do as a backbone was not measured: the sharded hubs here are Node over Redis or NATS.`,
    "",
    ...(compare && prediction
      ? [
          `Predicted, not measured: its table takes ${compare.estimate("realHub.tableRatio")} the time of the twin's for the same work; as far as the table holds it back it bears ${compare.estimate("realHub.tasksPerSec")}, and with a core for the table alone never more than ${compare.estimate("realHub.tableCeilingTasksPerSec")}${prediction.calibration.isRecorded ? " (by the calibration that is shipped, from another machine)" : ""}.`,
          "",
        ]
      : ["No prediction for it is among these results (`pnpm bench calibrate dets`, then `compare --calibration`).", ""]),
  ];
}

export function limitsSection({ compare, stubs, fleet }: ResultFolder): string[] {
  const lines: string[] = [];
  if (compare) {
    const { hubs, isolation, notMeasured, effort } = compare.value;
    const wide = hubs.flatMap(({ id, capacity: { tasksPerSec } }, index) =>
      tasksPerSec && relativeHalfWidth(tasksPerSec) > WIDE
        ? [`${id} ±${percent(relativeHalfWidth(tasksPerSec))}${compare.mark(`hubs[${index}].capacity.tasksPerSec`)}`]
        : [],
    );
    lines.push(
      `- One machine: ${String(compare.value.environment["cpuModel"] ?? "unknown CPU")}${compare.mark("environment")}, effort ${effort}${compare.mark("effort")}. Another disk or CPU moves the absolute figures; ratios less.`,
      isolation.coresPerMachine === null
        ? `- No CPU quota was in force${compare.mark("isolation")}: hubs of several nodes shared the cores with the generator, so scale-out does not show; only CPU per task is comparable.`
        : `- Several "machines" on one: each has the same small share of a core, and latencies are partly the quota's. Compare hubs with each other; do not quote a latency${compare.mark("isolation")}.`,
      wide.length > 0
        ? `- Wide intervals of the capacity (more than ±${percent(WIDE)}): ${wide.join(", ")}. Conclusions need ratios larger than that.`
        : `- Every capacity that was found is known to better than ±${percent(WIDE)}.`,
      ...notMeasured.map((line, index) => `- Not measured: ${line}${compare.mark(`notMeasured[${index}]`)}`),
    );
    if (compare.value.model?.error) {
      lines.push(
        `- The utilisation law was off by ${compare.number("model.error.meanPercent")} % on average on sizes that it had not seen.`,
      );
    }
  }
  if (fleet) {
    lines.push(
      ...fleet.value.decision.assumptions.map(
        (line, index) => `- Assumed: ${line}${fleet.mark(`decision.assumptions[${index}]`)}`,
      ),
    );
  }
  lines.push("- GPUs and the API are models of published figures. No GPU and no paid API was used.");
  return ["## 8. Limits of the method", "", ...lines, "", ...agreement({ stubs })];
}

/** Wider than this on each side, conclusions need to be said with care. */
const WIDE = 0.2;

/** Half of the interval, as a share of the value. */
function relativeHalfWidth({ value, low, high }: Estimate): number {
  return (high - low) / 2 / value;
}

function agreement({ stubs }: Pick<ResultFolder, "stubs">): string[] {
  const head = ["### Simulation against real stubs", ""];
  if (!stubs)
    return [...head, "Not among these results: `pnpm --silent bench fleet --stubs 6 --json > DIR/stubs.json` produces it.", ""];
  const rows = stubs.value.groups.flatMap(({ fleets, timeScale }, group) =>
    fleets.map(({ fleet, agents, tasks, error }, index) => ({
      off: Math.abs(error.value),
      cells: [
        `${fleet}${stubs.mark(`groups[${group}].fleets[${index}].error`, `groups[${group}].fleets[${index}].tasks`, `groups[${group}].timeScale`)}`,
        String(agents),
        String(tasks),
        `×${timeScale}`,
        estimate({ ...error, value: 100 * error.value, low: 100 * error.low, high: 100 * error.high }),
      ],
    })),
  );
  const within = rows.filter(({ off }) => off <= WITHIN).length;
  return [
    ...head,
    `${within} of ${rows.length} random fleets within ${percent(WITHIN)}, in tasks an hour, on the same tasks:`,
    "",
    ...table(
      ["fleet", "agents", "tasks", "times real time", "error in % [95 %]"],
      rows.map(({ cells }) => cells),
    ),
  ];
}

const WITHIN = 0.1;
