/** What a run keeps of each trial, and of itself, to go on from. */
import { type Static, Type } from "typebox";
import { byName, count, nullable, positive, signed, texts, timestamp } from "../results/field-schemas.ts";
import { HISTORY } from "../results/history-schema.ts";
import { HISTOGRAMS, TRIAL_SUMMARY } from "../results/trial-summary.ts";

const CHECKED_HISTORY = Type.Object({
  history: HISTORY,
  /** Ids of some tasks that broke a guarantee. */
  offending: texts(),
});
/** The check of every task since the agents connected. */
export type CheckedHistory = Static<typeof CHECKED_HISTORY>;

const TRIAL_HISTORY = Type.Object({
  ...CHECKED_HISTORY.properties,
  /** Acknowledged tasks that were not seen to end. */
  unfinished: count(),
});
export type TrialHistory = Static<typeof TRIAL_HISTORY>;

const POINT = Type.Object({
  /** Where the search began. */
  guess: positive(),
  summary: TRIAL_SUMMARY,
  counters: byName(signed()),
  histograms: nullable(HISTOGRAMS),
  checked: nullable(TRIAL_HISTORY),
});
/** A judged trial with all that a later start needs to go on from it. */
export type Point = Static<typeof POINT>;

export const KEPT_POINT = Type.Object({
  ...POINT.properties,
  hub: Type.String({ minLength: 1 }),
  /** Of all trials of the run, in their order. */
  turn: count(),
});
export type KeptPoint = Static<typeof KEPT_POINT>;

export const RUN = Type.Object({
  startedAt: timestamp(),
  /** Everything that, if it were another, would make the trials of another kind. Values are compared as JSON. */
  configuration: byName(Type.Unknown()),
});
export type RunConfiguration = Static<typeof RUN>["configuration"];
