/** The result files of one folder, as far as they are there. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Static, TSchema } from "typebox";
import { BYTES_RESULT, BYTES_SCHEMA, type BytesResult } from "../bytes/bytes-schema.ts";
import { FAULTS_FILE, type RecordedFaults } from "../faults/faults-file.ts";
import { FLEET_RESULT, FLEET_SCHEMA, type FleetResult } from "../fleet/fleet-schema.ts";
import { STUB_FLEETS_RESULT, STUBS_SCHEMA, type StubFleetsResult } from "../fleet/stub-fleets-schema.ts";
import { GPU_RESULT, GPU_SCHEMA, type GpuResult } from "../gpu-sharing/gpu-schema.ts";
import { LADDER_FILE } from "../ladder/ladder-file.ts";
import type { LadderResult } from "../ladder/ladder-schema.ts";
import type { CompareResult } from "../results/compare-result.ts";
import { type FileKind, readResultFile } from "../results/result-file.ts";
import { COMPARE_FILE } from "../results/stored-result.ts";
import { Footnotes, QuotedFile } from "./footnotes.ts";

export interface ResultFolder {
  notes: Footnotes;
  compare: QuotedFile<CompareResult> | undefined;
  ladder: QuotedFile<LadderResult> | undefined;
  bytes: QuotedFile<BytesResult> | undefined;
  gpu: QuotedFile<GpuResult> | undefined;
  fleet: QuotedFile<FleetResult> | undefined;
  stubs: QuotedFile<StubFleetsResult> | undefined;
  faults: QuotedFile<RecordedFaults> | undefined;
}

/** Name, schema, and the command that makes it. */
export const RESULT_FILES = {
  compare: { file: "results.json", ...COMPARE_FILE },
  ladder: { file: "ladder.json", ...LADDER_FILE },
  bytes: {
    file: "bytes.json",
    schema: BYTES_RESULT,
    name: BYTES_SCHEMA,
    command: "pnpm --silent bench bytes --json > DIR/bytes.json",
  },
  gpu: { file: "gpu.json", schema: GPU_RESULT, name: GPU_SCHEMA, command: "pnpm --silent bench gpu --json > DIR/gpu.json" },
  fleet: {
    file: "fleet.json",
    schema: FLEET_RESULT,
    name: FLEET_SCHEMA,
    command:
      "pnpm --silent bench fleet --result DIR/results.json --ladder DIR/ladder.json --faults DIR/faults.json --json > DIR/fleet.json",
  },
  stubs: {
    file: "stubs.json",
    schema: STUB_FLEETS_RESULT,
    name: STUBS_SCHEMA,
    command: "pnpm --silent bench fleet --stubs 6 --json > DIR/stubs.json",
  },
  faults: { file: "faults.json", ...FAULTS_FILE },
} as const;

export function readResultFolder(dir: string): { ok: true; folder: ResultFolder } | { ok: false; problems: string[] } {
  const notes = new Footnotes();
  const problems: string[] = [];
  const read = <Schema extends TSchema>(kind: FileKind<Schema> & { file: string }): QuotedFile<Static<Schema>> | undefined => {
    const file = join(dir, kind.file);
    if (!existsSync(file)) return undefined;
    const found = readResultFile(file, kind);
    if (found.ok) return new QuotedFile(kind.file, found.value, notes);
    problems.push(found.problem);
    return undefined;
  };
  const folder: ResultFolder = {
    notes,
    compare: read(RESULT_FILES.compare),
    ladder: read(RESULT_FILES.ladder),
    bytes: read(RESULT_FILES.bytes),
    gpu: read(RESULT_FILES.gpu),
    fleet: read(RESULT_FILES.fleet),
    stubs: read(RESULT_FILES.stubs),
    faults: read(RESULT_FILES.faults),
  };
  const found = Object.keys(RESULT_FILES).some((kind) => folder[kind as keyof typeof RESULT_FILES] !== undefined);
  if (problems.length === 0 && !found) {
    const names = Object.values(RESULT_FILES).map(({ file }) => file);
    problems.push(`${dir} has none of ${names.join(", ")}; ${RESULT_FILES.compare.command} writes the first`);
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, folder };
}
