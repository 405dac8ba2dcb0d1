/** A calibration as words and table cells. */
import { significant } from "../decision/decision.ts";
import type { Estimate } from "../measure/estimate.ts";
import { estimateText, type Table } from "../report/summary.ts";
import { renderTable } from "../report/terminal.ts";
import type { Calibration, ErlangFacts } from "./calibration.ts";
import { OPERATION_NAMES, OPERATIONS } from "./timed-store.ts";

export function renderCalibration(calibration: Calibration): string {
  return [
    headlineOf(calibration),
    "",
    ...renderTable(timesTable(calibration)),
    "",
    ...growthLines(calibration),
    ...wallLines(calibration),
    "",
    ...renderTable({ caption: "", head: [], rows: [], notes: calibration.notes }).slice(1),
  ].join("\n");
}

function headlineOf({ dets, rowBytes }: Calibration): string {
  const rows = `rows of ${rowBytes.dets.toLocaleString("en")} bytes (the twin's: ${rowBytes.twin.toLocaleString("en")})`;
  if (dets.source === "measured") return `The twin's table beside DETS (${erlangText(dets.erlang)}), ${rows}`;
  const { startedAt, erlang, environment } = dets.recorded;
  return [
    `No DETS here: ${dets.why}`,
    `Its figures and the ratios are RECORDED, on ${startedAt.slice(0, 10)} with ${erlangText(erlang)} on ${String(environment["cpuModel"])}; the twin and the disk were measured here.`,
    rows,
  ].join("\n");
}

function erlangText({ otpRelease, origin }: ErlangFacts): string {
  return `OTP ${otpRelease}, ${origin}`;
}

function timesTable({ sizes, dets }: Calibration): Table {
  const mark = dets.source === "recorded" ? " (recorded)" : "";
  return {
    caption: "Times of one operation",
    head: ["rows", "operation", "twin ms", `DETS ms${mark}`, `twin / DETS${mark}`, "rounds", "bare append + fdatasync ms"],
    rows: sizes.flatMap(({ rows, rounds, operations, appendSyncMs }) =>
      OPERATIONS.flatMap((operation) => {
        const result = operations[operation];
        if (!result) return [];
        const { twinMs, detsMs, ratio } = result;
        const disk = operation === "insertSync" ? estimateText(appendSyncMs) : "";
        const figures = [twinMs, detsMs, ratio].map(estimateText);
        return [[rows.toLocaleString("en"), OPERATION_NAMES[operation], ...figures, String(rounds), disk]];
      }),
    ),
    notes: ["Median over the rounds [95 % bootstrap interval]; in a round the twin, DETS and the disk take turns."],
  };
}

function growthLines({ growth }: Calibration): string[] {
  const line = (name: string, bytes: Estimate | null) => (bytes ? [`${name} grows by ${estimateText(bytes)} bytes a row`] : []);
  return [...line("DETS", growth.detsBytesPerRow), ...line("The twin", growth.twinBytesPerRow)];
}

function wallLines({ wall }: Calibration): string[] {
  if (!wall) return [];
  const rates = wall.after.map(
    ({ tasksPerSec, seconds }) => `at ${significant(tasksPerSec)} tasks/s after ${durationText(seconds.value)}`,
  );
  return [`A DETS file is full (2 GB) after ${estimateText(wall.tasks)} tasks, none pruned: ${rates.join(", ")}`];
}

export function durationText(seconds: number): string {
  const [unit, size] = UNITS.find(([, size]) => seconds >= 2 * size) ?? ["seconds", 1];
  return `${significant(seconds / size)} ${unit}`;
}

const UNITS: readonly (readonly [string, number])[] = [
  ["days", 86_400],
  ["hours", 3_600],
  ["minutes", 60],
];
