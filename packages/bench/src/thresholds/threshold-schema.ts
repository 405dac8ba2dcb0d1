import { type Static, Type } from "typebox";
import { ESTIMATE } from "../measure/estimate-schema.ts";
import { nullable, signed, text } from "../results/field-schemas.ts";

const THRESHOLD = {
  hub: text(),
  /** The metric is the ratio of the hub's to that of this one. */
  over: nullable(text()),
  /** Path below the hub in `results.json`: `capacity.tasksPerSec`. */
  metric: text(),
  kind: Type.Enum(["at_least", "at_most"]),
  bound: signed(),
  /** `file:line`, for whoever has to look it up. */
  at: text(),
};
const THRESHOLD_ALONE = Type.Object(THRESHOLD);
export type Threshold = Static<typeof THRESHOLD_ALONE>;

export const THRESHOLD_CHECK = Type.Object({
  ...THRESHOLD,
  met: Type.Boolean(),
  /** Null: not measured. */
  measured: nullable(ESTIMATE),
  /** In words, with the figures. */
  explanation: text(),
});
export type ThresholdCheck = Static<typeof THRESHOLD_CHECK>;
