import { type Static, Type } from "typebox";
import { count } from "./field-schemas.ts";

/** Of the tasks of a hub or of a trial, checked one by one. */
export const HISTORY = Type.Object({
  submitted: count(),
  acknowledged: count(),
  completed: count(),
  deadLettered: count(),
  lost: count(),
  duplicated: count(),
  staleAccepted: count(),
});
export type History = Static<typeof HISTORY>;
