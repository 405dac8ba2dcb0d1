/** Measures the twin's table beside DETS, size by size, on one folder. */
import { join } from "node:path";
import { seededRandom } from "../measure/estimate.ts";
import type { ProcessCare } from "../machine/index.ts";
import type { ServerProgram } from "../provisioning/server-program.ts";
import {
  type Calibration,
  CALIBRATION_SCHEMA,
  growthOf,
  type RecordedFrom,
  recordedSize,
  type SizeResult,
  sizeResultOf,
  wallOf,
} from "./calibration.ts";
import { DetsProcess } from "./dets-store.ts";
import { timeRounds } from "./store-rounds.ts";
import { ROW_BYTES, type TimedStore } from "./timed-store.ts";
import { TwinStore } from "./twin-store.ts";

export interface DetsCalibrationOptions {
  care: ProcessCare;
  /** An empty folder for both stores. */
  folder: string;
  /** Or why there is none, and what is taken instead. */
  erlang: { program: ServerProgram } | { missing: string; recorded: Calibration };
  /** Table sizes. */
  rows: readonly number[];
  taskRates: readonly number[];
  rounds: number;
  /** About: rounds are left out when it is over, and never all of them. */
  timeLimitMs: number;
  environment: Record<string, unknown>;
  seed: number;
  startedAt: Date;
  nowMs(): number;
  tell(line: string): void;
}

export async function calibrateDets(options: DetsCalibrationOptions): Promise<Calibration> {
  const { erlang, folder, nowMs } = options;
  const random = seededRandom(options.seed);
  const startMs = nowMs();
  const dets = "program" in erlang ? await DetsProcess.start(erlang.program, { care: options.care, folder }) : undefined;
  const recorded = "program" in erlang ? undefined : erlang.recorded;
  const sizes: SizeResult[] = [];
  const fills: Record<"twin" | "dets", { bytes: number; rows: number }[]> = { twin: [], dets: [] };
  for (const [i, rows] of options.rows.entries()) {
    options.tell(`${rows.toLocaleString("en")} rows`);
    const twinStore = await TwinStore.open(join(folder, `twin-${i}`), random);
    const detsStore = await dets?.open(`dets-${i}.dets`);
    await fill(twinStore, rows, fills.twin);
    if (detsStore) await fill(detsStore, rows, fills.dets);
    const untilMs = startMs + (options.timeLimitMs * (i + 1)) / options.rows.length;
    const rounds = await timeRounds({ ...options, twin: twinStore, dets: detsStore, untilMs });
    sizes.push(sizeResultOf(rows, rounds, { recorded: recorded && recordedSize(recorded, rows), random }));
    await twinStore.close();
    await detsStore?.close();
  }
  await dets?.stop();
  const twinBytesPerRow = growthOf(fills.twin, random) ?? null;
  const detsBytesPerRow = recorded ? recorded.growth.detsBytesPerRow : (growthOf(fills.dets, random) ?? null);
  return {
    schema: CALIBRATION_SCHEMA,
    startedAt: options.startedAt.toISOString(),
    wallSeconds: (nowMs() - startMs) / 1000,
    dets: sourceOf(erlang, dets),
    environment: options.environment,
    rowBytes: { dets: dets?.rowBytes ?? recorded?.rowBytes.dets ?? ROW_BYTES, twin: ROW_BYTES },
    sizes,
    growth: { detsBytesPerRow, twinBytesPerRow },
    wall: detsBytesPerRow && wallOf(detsBytesPerRow, options.taskRates),
    notes: NOTES,
  };
}

async function fill(store: TimedStore, rows: number, fills: { bytes: number; rows: number }[]): Promise<void> {
  const emptyBytes = await store.fileBytes();
  if (rows === 0) return;
  await store.fill(rows);
  fills.push({ bytes: (await store.fileBytes()) - emptyBytes, rows });
}

function sourceOf(erlang: DetsCalibrationOptions["erlang"], dets: DetsProcess | undefined): Calibration["dets"] {
  if ("program" in erlang && dets) {
    return { source: "measured", erlang: { otpRelease: dets.otpRelease, origin: erlang.program.origin } };
  }
  const { missing, recorded } = erlang as Extract<DetsCalibrationOptions["erlang"], { missing: string }>;
  return { source: "recorded", why: missing, recorded: recordedFrom(recorded) };
}

function recordedFrom({ dets, startedAt, environment }: Calibration): RecordedFrom {
  if (dets.source !== "measured") throw new Error("the record was not measured itself");
  return { startedAt, erlang: dets.erlang, environment };
}

/** What the figures hold and what not. */
const NOTES = [
  "insert + sync: the twin's is an insert into its table, which is two synced writes; DETS syncs its data and then its header.",
  "insert: the same row without a sync; the hub itself never does that for a task.",
  "fold: the twin reads each row and parses its JSON; DETS reads each row and decodes its Erlang term.",
  "A median of rounds: what others take of this machine lengthens some rounds and shortens none.",
  "Rows that were inserted for the timing are removed again, untimed: both stores may use their room anew.",
  "The twin does not grow as DETS does (LevelDB compresses and compacts): the growth and the wall are DETS's.",
];
