/** The path of one task through the tuned hub as a sum of primitives. Pure. */
import { type Estimate, ratioEstimate } from "../measure/estimate.ts";

/** CPU-µs of the serving process for one operation, in one repeat. */
export interface PrimitiveCosts {
  postFastify: number;
  postHttp: number;
  acceptedIn: number;
  completeIn: number;
  assignOut: number;
  ackOut: number;
  parseRow: number;
  stringifyRow: number;
  /** For one row, in synced batches of this many. */
  commit1: number;
  commit8: number;
  commit64: number;
  sha256: number;
}

export const PRIMITIVES: Record<keyof PrimitiveCosts, string> = {
  postFastify: "HTTP POST of a task body, bare fastify",
  postHttp: "HTTP POST of a task body, bare node:http",
  acceptedIn: "WebSocket frame in, task_accepted, parsed",
  completeIn: "WebSocket frame in, task_complete, parsed",
  assignOut: "WebSocket frame out, task_assign, stringified",
  ackOut: "WebSocket frame out, task_ack, stringified",
  parseRow: "JSON.parse of a task row",
  stringifyRow: "JSON.stringify of a task row",
  commit1: "LevelDB row, synced batch of 1",
  commit8: "LevelDB row, synced batch of 8",
  commit64: "LevelDB row, synced batch of 64",
  sha256: "SHA-256 of a token",
};

/** What the hub did for its tasks in one repeat. */
export interface HubRepeat {
  cpuMicros: number;
  tasks: number;
  rowsWritten: number;
  fsyncs: number;
}

export interface PathStep {
  step: string;
  /** In one task. */
  count: number;
  micros: number;
}

/**
 * One submission, two frames in, three out, and the rows that the hub wrote, in commits as large as the hub's own were. A batch
 * of g rows costs a + b·g (least squares over the three sizes), so a row of it a/g + b.
 */
export function pathOf(costs: PrimitiveCosts, hub: HubRepeat): PathStep[] {
  const rows = hub.rowsWritten / hub.tasks;
  const perCommit = Math.max(1, hub.rowsWritten / hub.fsyncs);
  const { perBatch, perRow } = commitCost(costs);
  return [
    { step: PRIMITIVES.postFastify, count: 1, micros: costs.postFastify },
    { step: PRIMITIVES.sha256, count: 1, micros: costs.sha256 },
    { step: PRIMITIVES.acceptedIn, count: 1, micros: costs.acceptedIn },
    { step: PRIMITIVES.completeIn, count: 1, micros: costs.completeIn },
    { step: PRIMITIVES.assignOut, count: 1, micros: costs.assignOut },
    { step: PRIMITIVES.ackOut, count: 2, micros: costs.ackOut },
    { step: PRIMITIVES.stringifyRow, count: rows, micros: costs.stringifyRow },
    { step: "LevelDB row, in a synced batch as large as the hub's", count: rows, micros: perBatch / perCommit + perRow },
  ];
}

export function sumOf(path: readonly PathStep[]): number {
  return path.reduce((sum, { count, micros }) => sum + count * micros, 0);
}

/** Least squares of the cost of a batch over its size, each weighted by 1/size²: all three sizes count alike, relative to themselves. */
export function commitCost({ commit1, commit8, commit64 }: Pick<PrimitiveCosts, "commit1" | "commit8" | "commit64">): {
  perBatch: number;
  perRow: number;
} {
  // In terms of one row: y = a·x + b with x = 1/g, unweighted.
  const points = [
    [1, commit1],
    [1 / 8, commit8],
    [1 / 64, commit64],
  ] as const;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const slope =
    points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return { perBatch: slope, perRow: meanY - slope * meanX };
}

export interface PathComparison {
  path: { step: string; count: number; micros: Estimate }[];
  sum: Estimate;
  hub: Estimate;
  /** The hub's over the sum's, both of the same repeat. */
  ratio: Estimate;
  rowsPerTask: number;
  rowsPerCommit: number;
}

/** One entry of each list for a repeat. */
export function compared(costs: readonly PrimitiveCosts[], hub: readonly HubRepeat[], random: () => number): PathComparison {
  const repeats = costs.map((each, index) => ({ hub: hub[index] as HubRepeat, path: pathOf(each, hub[index] as HubRepeat) }));
  const estimate = (values: { numerator: number; denominator: number }[], unit: string) =>
    ratioEstimate(values, unit, random) as Estimate;
  const steps = repeats[0]?.path ?? [];
  const total = (key: "tasks" | "rowsWritten" | "fsyncs") => hub.reduce((sum, each) => sum + each[key], 0);
  return {
    path: steps.map(({ step }, index) => ({
      step,
      count: repeats.reduce((sum, { path }) => sum + (path[index]?.count ?? 0), 0) / repeats.length,
      micros: estimate(
        repeats.map(({ path }) => ({ numerator: path[index]?.micros ?? 0, denominator: 1 })),
        "CPU-µs",
      ),
    })),
    sum: estimate(
      repeats.map(({ path }) => ({ numerator: sumOf(path), denominator: 1 })),
      "CPU-µs/task",
    ),
    hub: estimate(
      hub.map(({ cpuMicros, tasks }) => ({ numerator: cpuMicros, denominator: tasks })),
      "CPU-µs/task",
    ),
    ratio: estimate(
      repeats.map(({ hub: { cpuMicros, tasks }, path }) => ({ numerator: cpuMicros / tasks, denominator: sumOf(path) })),
      "",
    ),
    rowsPerTask: total("rowsWritten") / total("tasks"),
    rowsPerCommit: total("rowsWritten") / total("fsyncs"),
  };
}
