/** A ladder that was climbed before. */
import { readFileSync } from "node:fs";
import { LADDER_SCHEMA, type LadderResult } from "./ladder-result.ts";

/** A message where there is none or it is of another schema. */
export function readLadder(file: string): { ok: true; ladder: LadderResult } | { ok: false; problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    return { ok: false, problem: `cannot read ${file}: ${(error as Error).message}` };
  }
  const schema = (value as { schema?: unknown } | null)?.schema;
  if (schema === LADDER_SCHEMA) return { ok: true, ladder: value as LadderResult };
  return { ok: false, problem: `${file} is not a result of bench ladder: its schema is '${String(schema)}'` };
}
