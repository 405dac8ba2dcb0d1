import { type Static, Type } from "typebox";
import { byName, count } from "./field-schemas.ts";

/** Of the tasks of a hub or of a trial, checked one by one. */
export const HISTORY = Type.Object({
  submitted: count(),
  acknowledged: count(),
  completed: count(),
  deadLettered: count(),
  lost: count(),
  duplicated: count(),
  staleAccepted: count(),
  /** Acknowledged tasks that were not seen to end and that the hub could not be asked about. Absent in older files: 0. */
  unverified: Type.Optional(count()),
  /** Acknowledged tasks that are still open, as the hub says. Absent in older files: not known. */
  unfinished: Type.Optional(count()),
  /** Answers and frames that break the contract, by what was wrong with them; nothing else follows from them. */
  protocolFaults: Type.Optional(byName(count())),
});
export type History = Static<typeof HISTORY>;
