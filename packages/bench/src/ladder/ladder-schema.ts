/** What `bench ladder` writes: `ladder.json`, schema `hubscale.ladder/1`. */
import type { Fix } from "@hubscale/hub-single";
import { type Static, Type } from "typebox";
import { ESTIMATE } from "../measure/estimate-schema.ts";
import { amount, count, environment, nullable, positive, text, texts, timestamp } from "../results/field-schemas.ts";
import { HISTORY } from "../results/history-schema.ts";

export const LADDER_SCHEMA = "hubscale.ladder/1";

const FIXES = Type.Array(Type.Unsafe<Fix>(Type.String({ pattern: "^C\\d{1,2}$" })));

const CONDITION = Type.Object({
  workload: text(),
  streaming: Type.Boolean(),
  agents: count(),
  completedRows: count(),
  queuedRows: count(),
  work: text(),
  /** Tasks/s at which every agent works all the time: no hub can bear more. Null: agents work no time at all. */
  agentsCeilingPerSec: nullable(amount()),
});
export type Condition = Static<typeof CONDITION>;

const RUNG_RESULT = Type.Object({
  /** As of a `Rung`. */
  kind: Type.Enum(["reference", "alone", "sum", "control"]),
  name: text(),
  hub: text(),
  fixes: FIXES,
  added: FIXES,
  valid: Type.Boolean(),
  invalidReasons: texts(),
  capacity: nullable(ESTIMATE),
  /** Capacity over the reference's. Null for the reference itself, and where one of the two is missing. */
  ratio: nullable(ESTIMATE),
  cpuMsPerTask: nullable(ESTIMATE),
  /** The reference's CPU for a task over this one's: above 1 this one is cheaper. */
  cpuRatio: nullable(ESTIMATE),
  /** Whether the interval of the ratio leaves out 1. */
  toldApart: Type.Object({ byCapacity: Type.Boolean(), byCpu: Type.Boolean() }),
  /** The capacity reaches what the agents can do: the hub may bear more. */
  atAgentsCeiling: Type.Boolean(),
  fsyncsPerTask: nullable(ESTIMATE),
  bound: text(),
  trials: Type.Object({ held: count(), missed: count(), invalid: count() }),
  history: HISTORY,
});
export type RungResult = Static<typeof RUNG_RESULT>;

/** One ladder: all rungs under one condition. */
const LADDER = Type.Object({
  condition: CONDITION,
  /** In which the fixes were added up. */
  order: Type.Object({ fixes: FIXES, by: Type.Enum(["gain", "request"]) }),
  rungs: Type.Array(RUNG_RESULT),
});
export type Ladder = Static<typeof LADDER>;

export const LADDER_RESULT = Type.Object({
  schema: Type.Literal(LADDER_SCHEMA),
  startedAt: timestamp(),
  wallSeconds: amount(),
  seed: count(),
  effort: text(),
  slo: text(),
  /** The SLO's bound as it was applied: stretched by the CPU quota (slow motion). */
  appliedBoundMs: positive(),
  arrivals: text(),
  /** Hubs that were under load at the same time, each with its own quota and its own generator. */
  slowHubsAtOnce: count(),
  hubsAtOnce: count(),
  isolation: Type.Object({ kind: text(), how: text(), coresPerMachine: nullable(positive()) }),
  environment: environment(),
  verdict: text(),
  ladders: Type.Array(LADDER),
  notes: texts(),
});
export type LadderResult = Static<typeof LADDER_RESULT>;
