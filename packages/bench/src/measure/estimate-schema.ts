import { type Static, Type } from "typebox";
import { count, signed, text } from "../results/field-schemas.ts";

/** A measured number is never bare: it carries its interval, how many observations stand behind it, and its unit. */
export const ESTIMATE = Type.Object({
  value: signed(),
  low: signed(),
  high: signed(),
  n: count(),
  unit: text(),
});
export type Estimate = Static<typeof ESTIMATE>;
