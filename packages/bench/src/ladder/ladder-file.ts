/** A ladder that was climbed before. */
import { readResultFile } from "../results/result-file.ts";
import { LADDER_RESULT, LADDER_SCHEMA, type LadderResult } from "./ladder-schema.ts";

export const LADDER_FILE = {
  schema: LADDER_RESULT,
  name: LADDER_SCHEMA,
  command: "pnpm bench ladder --effort full --out DIR",
};

/** A message where there is none or it is not what `bench ladder` writes. */
export function readLadder(file: string): { ok: true; ladder: LadderResult } | { ok: false; problem: string } {
  const read = readResultFile(file, LADDER_FILE);
  return read.ok ? { ok: true, ladder: read.value } : read;
}
