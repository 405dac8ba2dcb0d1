/** What the fields of result files may be, so that no reader meets a number that it cannot count with. */
import { type TSchema, Type } from "typebox";

/** Beyond it counts are not exact, and no rate, time or size that is measured here comes near it. */
const AMOUNT_MAX = 1e15;

export const count = () => Type.Integer({ minimum: 0, maximum: AMOUNT_MAX });
export const amount = () => Type.Number({ minimum: 0, maximum: AMOUNT_MAX });
/** Above 0: something is divided by it. */
export const positive = () => Type.Number({ exclusiveMinimum: 0, maximum: AMOUNT_MAX });
export const signed = () => Type.Number({ minimum: -AMOUNT_MAX, maximum: AMOUNT_MAX });
export const text = () => Type.String();
export const texts = () => Type.Array(Type.String());
/** ISO 8601, as `toISOString` writes it. */
export const timestamp = () => Type.String({ pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z$" });
export const nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);
export const byName = <Schema extends TSchema>(schema: Schema) => Type.Record(Type.String(), schema);

/** Of the known fields; those that readers only show may be anything. */
export const environment = () =>
  Type.Unsafe<Record<string, unknown>>(
    Type.Object({
      cpuModel: Type.Optional(text()),
      cpus: Type.Optional(count()),
      node: Type.Optional(text()),
      kernel: Type.Optional(text()),
      loadAverage1Min: Type.Optional(amount()),
      fsyncFloorMs: Type.Optional(amount()),
      dataDisk: Type.Optional(
        Type.Object({
          filesystem: Type.Optional(nullable(text())),
          device: Type.Optional(nullable(text())),
          syncMsP50: Type.Optional(amount()),
        }),
      ),
      commit: Type.Optional(nullable(Type.Object({ hash: text(), dirty: Type.Boolean() }))),
      hosts: Type.Optional(Type.Array(Type.Object({ takes: texts(), machine: byName(Type.Unknown()) }))),
    }),
  );
