/** What readers take of a `faults.json`: the summary of each hub. The runs below it are for a person to look up. */
import { type Static, Type } from "typebox";
import { ESTIMATE } from "../measure/estimate-schema.ts";
import { count, environment, nullable, text, timestamp } from "../results/field-schemas.ts";
import { FAULTS_SCHEMA, type FaultsResult } from "./faults-result.ts";

const HUB_FAULTS = Type.Object({
  hub: text(),
  runs: count(),
  acknowledged: count(),
  lost: count(),
  byKind: Type.Array(
    Type.Object({
      kind: text(),
      faults: count(),
      recoverySeconds: nullable(ESTIMATE),
      tasksDelayed: nullable(ESTIMATE),
    }),
  ),
});

export const RECORDED_FAULTS = Type.Object({
  schema: Type.Literal(FAULTS_SCHEMA),
  startedAt: timestamp(),
  environment: environment(),
  hubs: Type.Array(HUB_FAULTS),
});
export type RecordedFaults = Static<typeof RECORDED_FAULTS>;

export const FAULTS_FILE = { schema: RECORDED_FAULTS, name: FAULTS_SCHEMA, command: "pnpm bench faults --out DIR" };

/** What `bench faults` writes is read here: does not compile otherwise. */
export type WrittenIsRead = FaultsResult extends Omit<RecordedFaults, "environment"> ? true : never;
true satisfies WrittenIsRead;
