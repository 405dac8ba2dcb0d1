/** Calibrations as files: the one that is shipped, or one of the user's. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Calibration, CALIBRATION_SCHEMA } from "./calibration.ts";

/** The calibration that was made when this version was, and is shipped with it. Figures from it are recorded, not measured. */
export function readRecord(): Calibration {
  const file = fileURLToPath(new URL("../../calibration/recorded.json", import.meta.url));
  const read = readCalibration(file);
  if (!read.ok) throw new Error(read.problem);
  return read.calibration;
}

/** The record in the place of a user's calibration: it says of itself that it is one. */
export function recordAsCalibration(): Calibration {
  const record = readRecord();
  if (record.dets.source === "recorded") return record;
  const { startedAt, environment, dets } = record;
  const recorded = { startedAt, erlang: dets.erlang, environment };
  return { ...record, dets: { source: "recorded", why: "no calibration was named", recorded } };
}

export type ReadCalibration = { ok: true; calibration: Calibration } | { ok: false; problem: string };

export function readCalibration(file: string): ReadCalibration {
  const wrong = (problem: string): ReadCalibration => ({
    ok: false,
    problem: `the calibration ${file} cannot be used: ${problem}; pnpm bench calibrate dets writes one`,
  });
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    return wrong((error as Error).message);
  }
  const schema = typeof value === "object" && value !== null ? (value as { schema?: unknown }).schema : undefined;
  if (schema !== CALIBRATION_SCHEMA) return wrong(`its schema is '${String(schema)}', not '${CALIBRATION_SCHEMA}'`);
  return { ok: true, calibration: value as Calibration };
}
