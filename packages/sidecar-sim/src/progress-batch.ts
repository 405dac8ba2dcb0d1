import type { Clock } from "./clock.ts";
import { eventFrame, tokenFrame } from "./sidecar-frames.ts";
import type { ProgressEvent } from "./task-executor.ts";
import type { TimerWheel, WheelTimer } from "./timer-wheel.ts";

export interface ProgressBatchOptions {
  taskId: string;
  wheel: TimerWheel;
  clock: Clock;
  windowMs: number;
  timeScale: number;
  send(frame: string): void;
}

/** Characters of one frame; the rest of a window's text is left out. Escaped sixfold they are still less than a frame may have. */
const TEXT_CHARS_MAX = 65_536;

type SteadyTokens = Extract<ProgressEvent, { type: "steady_tokens" }>;

/**
 * The progress of one task on its way to the hub. As recorded: tokens that stream are sent once in a window of 100 ms, so at most
 * ten frames a second; what a tool prints or a retry says is sent as it comes.
 */
export class ProgressBatch {
  private readonly options: ProgressBatchOptions;
  private text = "";
  private model = "";
  private tokens = 0;
  private timer: WheelTimer | undefined;
  private steady: { event: SteadyTokens; fromMs: number; told: number } | undefined;

  constructor(options: ProgressBatchOptions) {
    this.options = options;
  }

  add(event: ProgressEvent): void {
    switch (event.type) {
      case "token":
        this.text = cut(this.text + cut(event.text));
        this.tokens += event.tokens;
        this.model = event.model;
        this.timer ??= this.options.wheel.after(this.options.windowMs, () => {
          this.timer = undefined;
          this.flush();
        });
        return;
      case "steady_tokens":
        this.flush();
        this.timer?.cancel();
        this.steady = { event, fromMs: this.options.clock.monotonicMs(), told: 0 };
        this.model = event.model;
        this.timer = this.options.wheel.every(this.options.windowMs, () => this.flush());
        return;
      default:
        this.flush();
        this.options.send(eventFrame(this.options.taskId, event.type, event.text, this.options.clock.nowMs()));
    }
  }

  /** Sends the tokens that have not been sent. */
  flush(): void {
    if (this.steady) this.takeSteady(this.steady);
    if (this.text === "") return;
    const { taskId, clock } = this.options;
    this.options.send(tokenFrame(taskId, this.text, this.tokens, this.model, clock.nowMs()));
    this.text = "";
  }

  /** Nothing is sent any more. */
  close(): void {
    this.timer?.cancel();
  }

  private takeSteady(steady: { event: SteadyTokens; fromMs: number; told: number }): void {
    const { clock, timeScale } = this.options;
    const { tokensPerSec, tokens, textPerToken } = steady.event;
    const elapsedMs = (clock.monotonicMs() - steady.fromMs) * timeScale;
    const due = Math.min(tokens, Math.floor((elapsedMs * tokensPerSec) / 1000));
    this.text = textPerToken.repeat(Math.min(due - steady.told, TEXT_CHARS_MAX / textPerToken.length));
    this.tokens += due - steady.told;
    steady.told = due;
  }
}

function cut(text: string): string {
  return text.length > TEXT_CHARS_MAX ? text.slice(0, TEXT_CHARS_MAX) : text;
}
