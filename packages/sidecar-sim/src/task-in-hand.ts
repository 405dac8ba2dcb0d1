/** What a sidecar remembers of a task. */
import type { TaskAssignFrame } from "@hubscale/protocol";
import type { ProgressBatch } from "./progress-batch.ts";
import type { AssignedTask, ProgressEvent, TaskResult, WorkUnderWay } from "./task-executor.ts";

/** A task that was assigned, up to the hub's answer to its outcome. */
export class TaskInHand implements AssignedTask {
  readonly taskId: string;
  generation: number;
  readonly assignedAtMs: number;
  /** Set once the work has ended; the outcome may still wait for the connection or for the hub's verdict. */
  ended: { atMs: number; result: TaskResult } | undefined;
  /** The hub has been asked, after a reconnect, whether to go on. */
  verdictPending = false;
  /** Undefined before the work begins, and after a crash. */
  work: Work | undefined;
  private readonly text: string | undefined;

  /** `text` is the whole frame, undefined when nobody will look at it. */
  constructor(
    { taskId, generation, assignedAtMs }: { taskId: string; generation: number; assignedAtMs: number },
    text: string | undefined,
  ) {
    this.taskId = taskId;
    this.generation = generation;
    this.assignedAtMs = assignedAtMs;
    this.text = text;
  }

  /** Kept as text, a third of the memory: few look at it more than once, and thousands of tasks are in hand at a time. */
  get assignment(): Readonly<Partial<TaskAssignFrame>> {
    return this.text === undefined ? {} : (JSON.parse(this.text) as Partial<TaskAssignFrame>);
  }
}

/** The work on a task, once begun. Its parts are made when they are used: a task that takes no time needs none of them. */
export class Work implements WorkUnderWay {
  private readonly makeBatch: () => ProgressBatch;
  private controller: AbortController | undefined;
  private batch: ProgressBatch | undefined;
  private atAbort: (() => void) | undefined;
  private stopped = false;

  constructor(makeBatch: () => ProgressBatch) {
    this.makeBatch = makeBatch;
  }

  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.stopped) this.controller.abort();
    return this.controller.signal;
  }

  onAbort(run: () => void): void {
    if (this.stopped) run();
    else this.atAbort = run;
  }

  get isStopped(): boolean {
    return this.stopped;
  }

  onProgress(event: ProgressEvent): void {
    if (this.stopped) return;
    this.batch ??= this.makeBatch();
    this.batch.add(event);
  }

  /** The work has ended by itself: what streamed last is sent. */
  end(): void {
    this.batch?.flush();
    this.close();
  }

  abort(): void {
    if (this.stopped) return;
    this.close();
    this.controller?.abort();
    this.atAbort?.();
  }

  private close(): void {
    this.stopped = true;
    this.batch?.close();
  }
}
