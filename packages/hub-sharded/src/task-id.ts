/**
 * A task id names the queue that holds the task: `task-`, four hex digits for the routing class, twelve random ones. The shard
 * is computed from the random part, so no index has to be asked where a task is.
 */
import type { RandomHex } from "@hubscale/hub-runtime";

/** Four hex digits. A hub that needs more classes than this routes by something that should have been metadata. */
export const ROUTING_CLASSES_MAX = 0x1_0000;

export interface TaskPlace {
  classNumber: number;
  shard: number;
}

export function taskIdOf(classNumber: number, randomPart: string): string {
  return `task-${classNumber.toString(16).padStart(4, "0")}${randomPart}`;
}

/** The ids that a node gives out. Draws chance in bulk: a call of the system's source costs as much as a whole transition. */
export class TaskIds {
  readonly #randomHex: RandomHex;
  #digits = "";

  constructor(randomHex: RandomHex) {
    this.#randomHex = randomHex;
  }

  next(classNumber: number): string {
    if (this.#digits === "") this.#digits = this.#randomHex((RANDOM_DIGITS / 2) * IDS_DRAWN);
    const randomPart = this.#digits.slice(0, RANDOM_DIGITS);
    this.#digits = this.#digits.slice(RANDOM_DIGITS);
    return taskIdOf(classNumber, randomPart);
  }
}

const RANDOM_DIGITS = 12;
const IDS_DRAWN = 64;

/** Undefined: this hub never gave out such an id. */
export function placeOf(taskId: string, shards: number): TaskPlace | undefined {
  if (!TASK_ID.test(taskId)) return undefined;
  return {
    classNumber: Number.parseInt(taskId.slice(5, 9), 16),
    // 32 bits of the random part: the bias of the remainder is below 1 in 2^26 for any sensible number of shards.
    shard: Number.parseInt(taskId.slice(13), 16) % shards,
  };
}

const TASK_ID = /^task-[0-9a-f]{16}$/;
