import { tierOfTask, type WorkMix } from "@hubscale/fleet-model";
import { TASK_NUMBER_FIELD } from "@hubscale/sidecar-sim/executors";
import { taskText } from "../load/task-body.ts";

/** The submission of a task of a mix: its number, from which whoever gets it draws the work, and the tier that the number has. */
export function plannedTaskBody(
  mix: WorkMix,
  { seed, number }: { seed: number; number: number },
  size: { descriptionChars: number; metadataBytes: number },
): string {
  const { description, note } = taskText(size);
  const metadata = { [TASK_NUMBER_FIELD]: number, ...(note === "" ? {} : { note }) };
  return JSON.stringify({ description, complexity_tier: tierOfTask(mix, { seed, number }), metadata });
}
