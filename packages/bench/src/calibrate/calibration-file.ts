/** Calibrations as files: the one that is shipped, or one of the user's. */
import { fileURLToPath } from "node:url";
import { readResultFile } from "../results/result-file.ts";
import { CALIBRATION, CALIBRATION_SCHEMA, type Calibration } from "./calibration-schema.ts";

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

const CALIBRATION_FILE = { schema: CALIBRATION, name: CALIBRATION_SCHEMA, command: "pnpm bench calibrate dets" };

export function readCalibration(file: string): ReadCalibration {
  const read = readResultFile(file, CALIBRATION_FILE);
  return read.ok ? { ok: true, calibration: read.value } : read;
}
