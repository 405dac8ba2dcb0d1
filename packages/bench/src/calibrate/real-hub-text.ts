/** The prediction in sentences, which say that it is one. */
import { significant } from "../decision/decision.ts";
import type { Estimate } from "../measure/estimate.ts";
import type { RealHubPrediction } from "./real-hub.ts";

export function realHubLines(prediction: RealHubPrediction | null | undefined): string[] {
  if (!prediction) return [];
  const { of, perTask, tableRatio, tasksPerSec, tableCeilingTasksPerSec, calibration } = prediction;
  const made = `${calibration.isRecorded ? "recorded " : ""}calibration of ${calibration.startedAt.slice(0, 10)}, OTP ${calibration.erlang.otpRelease}, ${calibration.rows.toLocaleString("en")} rows`;
  return [
    `PREDICTION for the hub that ${of} stands for, not measured: for one task's ${significant(perTask.changes)} synced changes and ${significant(perTask.rowsFolded)} folded rows DETS takes ×${span(tableRatio)} the time of the twin's table (${made}). As far as its table holds it back, it bears ${span(tasksPerSec)} tasks/s where the twin was measured.`,
    `Its table is one process: on the machine of that calibration, with a core of its own, it does no more than ${span(tableCeilingTasksPerSec)} tasks/s. (pnpm bench calibrate dets measures yours; --calibration calibration.json takes it.)`,
  ];
}

function span({ value, low, high }: Estimate): string {
  return `${significant(value)} [${significant(low)}, ${significant(high)}]`;
}
