/** The result files of one folder, as far as they are there. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentsPerGpu, FleetDecision, FleetInput } from "@hubscale/fleet-model";
import type { BytesResult } from "../bytes/bytes-report.ts";
import { FAULTS_SCHEMA, type FaultsResult } from "../faults/faults-result.ts";
import { STUBS_SCHEMA, type StubFleetsResult } from "../fleet/stub-fleets-command.ts";
import type { GpuResult } from "../gpu-sharing/gpu-report.ts";
import { LADDER_SCHEMA, type LadderResult } from "../ladder/ladder-result.ts";
import { COMPARE_SCHEMA, type CompareResult } from "../results/compare-result.ts";
import { Footnotes, QuotedFile } from "./footnotes.ts";

export interface FleetResult {
  schema: "hubscale.fleet/1";
  input: FleetInput;
  decision: FleetDecision;
  agentsPerGpu: AgentsPerGpu[];
}

export interface ResultFolder {
  notes: Footnotes;
  compare: QuotedFile<CompareResult> | undefined;
  ladder: QuotedFile<LadderResult> | undefined;
  bytes: QuotedFile<BytesResult> | undefined;
  gpu: QuotedFile<GpuResult> | undefined;
  fleet: QuotedFile<FleetResult> | undefined;
  stubs: QuotedFile<StubFleetsResult> | undefined;
  faults: QuotedFile<FaultsResult> | undefined;
}

/** Name, schema, and the command that makes it. */
export const RESULT_FILES = {
  compare: { name: "results.json", schema: COMPARE_SCHEMA, command: "pnpm bench compare --effort full --out DIR" },
  ladder: { name: "ladder.json", schema: LADDER_SCHEMA, command: "pnpm bench ladder --effort full --out DIR" },
  bytes: { name: "bytes.json", schema: "hubscale.bytes/1", command: "pnpm --silent bench bytes --json > DIR/bytes.json" },
  gpu: { name: "gpu.json", schema: "hubscale.gpu/1", command: "pnpm --silent bench gpu --json > DIR/gpu.json" },
  fleet: {
    name: "fleet.json",
    schema: "hubscale.fleet/1",
    command:
      "pnpm --silent bench fleet --result DIR/results.json --ladder DIR/ladder.json --faults DIR/faults.json --json > DIR/fleet.json",
  },
  stubs: { name: "stubs.json", schema: STUBS_SCHEMA, command: "pnpm --silent bench fleet --stubs 6 --json > DIR/stubs.json" },
  faults: { name: "faults.json", schema: FAULTS_SCHEMA, command: "pnpm bench faults --out DIR" },
} as const;

export function readResultFolder(dir: string): { ok: true; folder: ResultFolder } | { ok: false; problems: string[] } {
  const notes = new Footnotes();
  const problems: string[] = [];
  const read = <Value>({ name, schema }: { name: string; schema: string }): QuotedFile<Value> | undefined => {
    const file = join(dir, name);
    if (!existsSync(file)) return undefined;
    try {
      const value: unknown = JSON.parse(readFileSync(file, "utf8"));
      const its = (value as { schema?: unknown } | null)?.schema;
      if (its === schema) return new QuotedFile(name, value as Value, notes);
      problems.push(`${file} has schema '${String(its)}'; '${schema}' is wanted`);
    } catch (error) {
      problems.push(`cannot read ${file}: ${(error as Error).message}`);
    }
    return undefined;
  };
  const folder: ResultFolder = {
    notes,
    compare: read<CompareResult>(RESULT_FILES.compare),
    ladder: read<LadderResult>(RESULT_FILES.ladder),
    bytes: read<BytesResult>(RESULT_FILES.bytes),
    gpu: read<GpuResult>(RESULT_FILES.gpu),
    fleet: read<FleetResult>(RESULT_FILES.fleet),
    stubs: read<StubFleetsResult>(RESULT_FILES.stubs),
    faults: read<FaultsResult>(RESULT_FILES.faults),
  };
  const found = Object.keys(RESULT_FILES).some((kind) => folder[kind as keyof typeof RESULT_FILES] !== undefined);
  if (problems.length === 0 && !found) {
    const names = Object.values(RESULT_FILES).map(({ name }) => name);
    problems.push(`${dir} has none of ${names.join(", ")}; ${RESULT_FILES.compare.command} writes the first`);
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, folder };
}
