/** What the clients of `bench density` are loaded with. Both ends take it from here. */
import { acceptedFrame, completeFrame, plainSuccess } from "@hubscale/sidecar-sim";
import { taskText } from "../load/task-body.ts";

/** `pings`: one constant frame, answered by another. `tasks`: what a hub and a sidecar say to each other over a task. */
export const DENSITY_LOADS = ["pings", "tasks"] as const;
export type DensityLoad = (typeof DENSITY_LOADS)[number];

export const PING = '{"type":"ping","protocol_version":1}';

/** Of a task, out of a connection: accepted and completed. */
const TASK_FRAMES_OUT = 2;
/** Of a task, both ways: the assignment, and an answer to each of the client's. */
const TASK_FRAMES = 5;

/** As `pnpm sim` submits them by default. */
export const TASK_TEXT = taskText({ descriptionChars: 200, metadataBytes: 100 });

/** Frames of one connection in a second, both ways, when `framesOut` leave it. */
export function framesBothWays(load: DensityLoad, framesOut: number): number {
  return load === "pings" ? 2 * framesOut : (TASK_FRAMES / TASK_FRAMES_OUT) * framesOut;
}

/** Milliseconds of work on each task, at which `framesOut` frames leave a connection in a second; the round trips come on top. */
export function workMsFor(framesOut: number): number {
  return Math.max(1, Math.round((TASK_FRAMES_OUT * 1000) / framesOut));
}

/** The output of a task that is done. */
export const TASK_OUTPUT = "";

/** A sidecar's answers to an assignment, with these in the places of its id and generation. */
export function taskAnswers({ taskId, generation, workMs }: { taskId: string; generation: string; workMs: number }): {
  accepted: string;
  complete: string;
} {
  const complete = completeFrame({ taskId, generation: 0, endedMs: Date.now(), result: plainSuccess(TASK_OUTPUT, workMs) });
  return { accepted: acceptedFrame(taskId), complete: complete.replace('"generation":0', `"generation":${generation}`) };
}
