import type { Clock } from "./clock.ts";
import type { Random } from "./random.ts";
import { type AssignedTask, plainSuccess, type TaskExecutor, type TaskResult, type WorkUnderWay } from "./task-executor.ts";
import { sampleWorkMs, type WorkTime } from "./work-time.ts";

/** How drawn work goes. May be changed between tasks; a task in hand keeps what it drew. */
export interface SidecarBehaviour {
  workTime: WorkTime;
  /** Streamed tokens while working; null: no progress frames. */
  progress: { tokensPerSec: number; model: string } | null;
  /** `share` of the tasks, 0 to 1, end badly: with `task_failed`, or as a completion whose result says `failed`. */
  failure: { share: number; as: "failed" | "failed_result" };
  /** Characters of text in a result. */
  outputChars: number;
}

export interface DrawnWork {
  clock: Clock;
  random: Random;
  /** How many times faster than life. */
  timeScale: number;
  behaviour(): SidecarBehaviour;
}

const TOKEN_TEXT = "word ";
const OUTPUT_TEXT = "All checks passed; the change is in place. ";

/** Works by waiting: the time is drawn, whatever the task says. What a load generator wants, which measures the hub alone. */
export class DrawnExecutor implements TaskExecutor {
  readonly ignoresAssignment = true;
  private readonly drawn: DrawnWork;

  constructor(drawn: DrawnWork) {
    this.drawn = drawn;
  }

  run(_task: AssignedTask, work: WorkUnderWay): TaskResult | Promise<TaskResult> {
    const { random, clock, timeScale } = this.drawn;
    const behaviour = this.drawn.behaviour();
    const workMs = sampleWorkMs(behaviour.workTime, random);
    const failed = behaviour.failure.share > 0 && random() < behaviour.failure.share;
    const { progress } = behaviour;
    const tokens = progress && workMs > 0 ? Math.floor((progress.tokensPerSec * workMs) / 1000) : 0;
    const result = resultOf(behaviour, { workMs, failed, tokens });
    if (workMs <= 0) return result;
    if (progress) work.onProgress({ type: "steady_tokens", textPerToken: TOKEN_TEXT, ...progress, tokens });
    return new Promise((resolve) => {
      const cancel = clock.after(workMs / timeScale, () => resolve(result));
      work.onAbort(cancel);
    });
  }
}

function resultOf(
  { failure, progress, outputChars }: SidecarBehaviour,
  { workMs, failed, tokens }: { workMs: number; failed: boolean; tokens: number },
): TaskResult {
  return {
    ...plainSuccess(textOf(outputChars), workMs),
    modelUsed: progress?.model ?? "none",
    tokensOut: tokens,
    ...(failed ? { outcome: failure.as, error: "simulated failure" } : {}),
  };
}

function textOf(chars: number): string {
  return OUTPUT_TEXT.repeat(Math.ceil(chars / OUTPUT_TEXT.length)).slice(0, chars);
}
