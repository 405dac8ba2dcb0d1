/** What a result says of sizes that were measured, and of those that were not. */
import { type Static, Type } from "typebox";
import { ESTIMATE } from "../measure/estimate-schema.ts";
import { amount, byName, count, nullable, positive, signed, text } from "../results/field-schemas.ts";

const SCALED_SIZE = Type.Object({
  hub: text(),
  nodes: positive(),
  tasksPerSec: ESTIMATE,
  speedUp: ESTIMATE,
  /** The busiest role at the capacity, and how busy it was. */
  busiest: nullable(Type.Object({ role: text(), utilisation: amount() })),
});
export type ScaledSize = Static<typeof SCALED_SIZE>;

const PROJECTED_SIZE = Type.Object({
  hub: text(),
  nodes: positive(),
  tasksPerSec: ESTIMATE,
  /** The role whose end is the hub's. */
  saturates: text(),
});
export type ProjectedSize = Static<typeof PROJECTED_SIZE>;

export const SCALING = Type.Object({
  family: text(),
  /** The size that the speed-ups are over: one node if that was measured. */
  over: text(),
  /** In the order of their nodes, `over` included. */
  sizes: Type.Array(SCALED_SIZE),
  beyond: Type.Array(PROJECTED_SIZE),
});
export type Scaling = Static<typeof SCALING>;

const USL_DEVIATION = Type.Object({
  nodes: positive(),
  measured: amount(),
  /** What the curve says. */
  fitted: amount(),
  /** (measured − fitted) / fitted, in %. */
  errorPercent: signed(),
});
export type UslDeviation = Static<typeof USL_DEVIATION>;

const USL_FIT = Type.Object({
  /** Throughput of one node, in the unit of the points. */
  lambda: ESTIMATE,
  /** Contention, no unit, never negative. */
  alpha: ESTIMATE,
  /** Coherency, no unit, never negative. */
  beta: ESTIMATE,
  points: count(),
  residuals: Type.Array(USL_DEVIATION),
  /** Each node count predicted by a fit to all others. */
  heldOut: Type.Array(USL_DEVIATION),
  /** Mean of the held-out errors' sizes, and the one beyond the largest node count that the fit had seen: what a projection risks. */
  heldOutErrorPercent: Type.Object({ mean: signed(), beyondLargest: signed() }),
  /**
   * The points scatter around the curve by this many times what their intervals explain (Birge 1932, Physical Review 40): above
   * about 2 the law does not describe them. Null when they came without intervals. The parameters' intervals are widened by it.
   */
  birgeRatio: nullable(amount()),
  /** Node count beyond which more nodes make it slower; null: none, β is 0. */
  peakNodes: nullable(amount()),
  projections: Type.Array(Type.Object({ nodes: positive(), throughput: ESTIMATE })),
});
export type UslFit = Static<typeof USL_FIT>;

const ROLE_LOAD = Type.Object({
  role: text(),
  /** Share of what the role may use (its quota, or one core each), at the hub's capacity. */
  utilisation: ESTIMATE,
  /** Tasks/s at which the role would be used up, at the CPU that a task cost. A projection. */
  ceiling: ESTIMATE,
});
export type RoleLoad = Static<typeof ROLE_LOAD>;

const BOTTLENECK = Type.Object({
  hub: text(),
  /** By role, the busiest first. */
  roles: Type.Array(ROLE_LOAD),
  /** Used up first as the load rises, and what would be next if that were lifted; null: only one role. */
  first: text(),
  next: nullable(text()),
});
export type Bottleneck = Static<typeof BOTTLENECK>;

const MODEL_ERROR = Type.Object({
  /** `from`: the sizes that were known, a list with commas. */
  heldOut: Type.Array(
    Type.Object({ hub: text(), from: text(), predicted: amount(), measured: amount(), errorPercent: signed() }),
  ),
  /** Mean of the errors' sizes. */
  meanPercent: amount(),
  /** Half the width of the measured capacities' intervals, mean: what the error is to be held against. */
  measuredHalfWidthPercent: amount(),
});
export type ModelError = Static<typeof MODEL_ERROR>;

export const SCALING_MODEL = Type.Object({
  /** By family of hubs (`sharded-redis`). Null: no family had points enough; `whyNoUsl` says so. */
  usl: nullable(byName(USL_FIT)),
  whyNoUsl: nullable(text()),
  /** Of each measured hub. */
  bottlenecks: Type.Array(BOTTLENECK),
  /** How far the utilisation law is off where it can be checked; null: no family was measured at two sizes. */
  error: nullable(MODEL_ERROR),
});
export type ScalingModel = Static<typeof SCALING_MODEL>;
