/** What a result keeps of one trial. */
import { type Static, Type } from "typebox";
import { amount, byName, nullable, positive, text, texts } from "./field-schemas.ts";

const STAGE_HISTOGRAMS = Type.Object({ submit: text(), assign: text(), complete: text() });
export type StageHistograms = Static<typeof STAGE_HISTOGRAMS>;

/** By what they are about. */
export const HISTOGRAMS = Type.Object({ response: STAGE_HISTOGRAMS, service: STAGE_HISTOGRAMS });

/** Of one role over a trial, its drain included. */
const ROLE_RESOURCES = Type.Object({
  cpuSeconds: amount(),
  rssBytes: amount(),
  contextSwitches: nullable(amount()),
  bytesIn: nullable(amount()),
  bytesOut: nullable(amount()),
  diskBytes: nullable(amount()),
});
export type RoleResources = Static<typeof ROLE_RESOURCES>;

export const TRIAL_SUMMARY = Type.Object({
  load: positive(),
  outcome: Type.Enum(["held", "missed", "invalid"]),
  reasons: texts(),
  offered: amount(),
  acknowledged: amount(),
  completedInTime: amount(),
  assignMsP50: nullable(amount()),
  assignMsP99: nullable(amount()),
  /** Of the stage that the SLO is about, from the intended time and from the moment of sending. */
  observedMs: nullable(amount()),
  observedServiceMs: nullable(amount()),
  /** HdrHistograms of the assignment: compressed, base64. Empty for a load without tasks. */
  histograms: Type.Object({ response: text(), service: text() }),
  /** The trial was hopeless and ended before its time. */
  endedEarly: Type.Boolean(),
  /** Passes and changes that waited in the hub at the end, by its own word. */
  owed: amount(),
  /** The busiest node's, 0 to 1, over the trial; null: the hub does not tell. */
  loopUtilisation: nullable(amount()),
  drainMs: amount(),
  quietAfterMs: nullable(amount()),
  /** CPU seconds by role over the trial, drain included, and completed tasks that they paid for. */
  cpuSecondsByRole: byName(amount()),
  /** Over which they were counted: warm-up, load, drain, and until the hub was quiet. */
  wallSeconds: Type.Optional(amount()),
  /** CPU milliseconds of a fixed piece of work meanwhile: how slow the machine was. Null: not known, or too short a trial. */
  referenceMs: Type.Optional(nullable(positive())),
  /** CPU seconds a second of every other program on the machine, hubs that wait for their turn among them; null: not known. */
  othersCores: Type.Optional(nullable(amount())),
  resourcesByRole: byName(ROLE_RESOURCES),
  completed: amount(),
  generatorCpuShare: amount(),
  scheduleLagMsP99: amount(),
  durationMs: amount(),
});
export type TrialSummary = Static<typeof TRIAL_SUMMARY>;

const { observedMs, observedServiceMs, histograms, endedEarly, owed, loopUtilisation, resourcesByRole, ...always } =
  TRIAL_SUMMARY.properties;

/** As it stands in a result, which an earlier version may have written. */
export const STORED_TRIAL = Type.Object({
  ...always,
  observedMs: Type.Optional(observedMs),
  observedServiceMs: Type.Optional(observedServiceMs),
  histograms: Type.Optional(histograms),
  endedEarly: Type.Optional(endedEarly),
  owed: Type.Optional(owed),
  loopUtilisation: Type.Optional(loopUtilisation),
  resourcesByRole: Type.Optional(resourcesByRole),
});
export type StoredTrial = Static<typeof STORED_TRIAL>;
