/** What `bench fleet --stubs N --json` writes: schema `hubscale.fleet-stubs/1`. */
import { type Static, Type } from "typebox";
import { ESTIMATE } from "../measure/estimate-schema.ts";
import { amount, count, positive, signed } from "../results/field-schemas.ts";

export const STUBS_SCHEMA = "hubscale.fleet-stubs/1";

const STUB_AGREEMENT = Type.Object({
  /** In the sequence of random fleets. */
  fleet: count(),
  agents: count(),
  /** Compared, of those begun after the first few of each agent. */
  tasks: count(),
  failed: Type.Object({ stubs: count(), simulated: count() }),
  stubTasksPerHour: amount(),
  simulatedTasksPerHour: amount(),
  /** Simulated over stubs, less 1, of tasks an hour. */
  error: ESTIMATE,
  /** Of the error, what this program's lateness makes of it, by arithmetic: waits of a task × how late × the scale / time of a task. */
  lateness: signed(),
});
export type StubAgreement = Static<typeof STUB_AGREEMENT>;

export const STUB_FLEETS_RESULT = Type.Object({
  schema: Type.Literal(STUBS_SCHEMA),
  seed: count(),
  /** Real minutes that the fleets ran. */
  minutes: amount(),
  groups: Type.Array(Type.Object({ timeScale: positive(), lateMs: signed(), fleets: Type.Array(STUB_AGREEMENT) })),
});
export type StubFleetsResult = Static<typeof STUB_FLEETS_RESULT>;
