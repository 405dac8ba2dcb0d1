import type { AssignedTask } from "../task-executor.ts";

/** The field of a task's metadata that carries its number. */
export const TASK_NUMBER_FIELD = "task_number";

/** The number that its submitter gave it. Somebody else's task has none: its id makes one, far above those that are counted. */
export function taskNumber({ taskId, assignment }: AssignedTask): number {
  const number = assignment.metadata?.[TASK_NUMBER_FIELD];
  if (typeof number === "number" && Number.isInteger(number) && number >= 0) return number;
  let hash = 0x811c9dc5;
  for (let index = 0; index < taskId.length; index++) hash = Math.imul(hash ^ taskId.charCodeAt(index), 0x01000193);
  return UNCOUNTED + ((hash >>> 0) % UNCOUNTED);
}

/** No run submits this many tasks; below the streams of sessions (task-plan.ts). */
const UNCOUNTED = 2 ** 30;
