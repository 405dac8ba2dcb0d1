/**
 * Submissions by somebody who wants each task once: patient where the hub asks for patience (503), and sent again under their key
 * (`Idempotency-Key`) where no answer came. Every other answer ends a submission.
 */
import type { Clock } from "@hubscale/sidecar-sim";
import type { Submission } from "../load/submitter.ts";

export interface KeyedSubmissionsOptions {
  clock: Clock;
  send(key: string, done: (submission: Submission) => void): void;
  /** Of the keys: no other series of submissions may have it. */
  prefix: string;
  acknowledged(taskId: string, sentMs: number): void;
  /** The hub put a submission off, refused it, or did not answer; `protocolFault`: it answered something that means nothing. */
  trouble(protocolFault: string | undefined): void;
}

const DEFAULT_RETRY_MS = 1_000;
/** After a connection that ended: another node may answer at once. */
const AGAIN_AFTER_MS = 200;

export class KeyedSubmissions {
  /** Put off (503), each time counted. */
  postponed = 0;
  /** Sent again since no answer came, each time counted. */
  repeated = 0;
  /** Ended, or given up, when nobody knew whether the hub has the task. */
  unknown = 0;
  /** What went wrong otherwise, each time counted, by status or error. */
  readonly complaints: Record<string, number> = {};
  readonly #options: KeyedSubmissionsOptions;
  #made = 0;
  #open = 0;
  #isGivingUp = false;

  constructor(options: KeyedSubmissionsOptions) {
    this.#options = options;
  }

  /** Made and not ended. */
  get open(): number {
    return this.#open;
  }

  submit(sentMs: number): void {
    this.#open++;
    this.#attempt(`${this.#options.prefix}-${this.#made++}`, sentMs, false);
  }

  /** From now on nothing is sent again: what has no answer by then is `unknown`. */
  giveUp(): void {
    this.#isGivingUp = true;
  }

  /** `wasSent`: an earlier attempt got no answer, or was put off, so the hub may have the task whatever it says now. */
  #attempt(key: string, sentMs: number, wasSent: boolean): void {
    const { clock, send, acknowledged, trouble } = this.#options;
    send(key, (submission) => {
      if (submission.ok) {
        this.#open--;
        acknowledged(submission.taskId, sentMs);
        return;
      }
      trouble("isProtocolFault" in submission ? submission.error : undefined);
      const again = (afterMs: number, isUnknown: boolean) => clock.after(afterMs, () => this.#attempt(key, sentMs, isUnknown));
      if ("answer" in submission) {
        const isPutOff = submission.answer === 503;
        if (isPutOff && !this.#isGivingUp) {
          this.postponed++;
          again(submission.retryAfterMs ?? DEFAULT_RETRY_MS, true);
          return;
        }
        if (!isPutOff) this.#complain(String(submission.answer));
        this.#end(wasSent || isPutOff);
        return;
      }
      this.#complain(submission.error);
      if (this.#isGivingUp) this.#end(true);
      else {
        this.repeated++;
        again(AGAIN_AFTER_MS, true);
      }
    });
  }

  #complain(of: string): void {
    this.complaints[of] = (this.complaints[of] ?? 0) + 1;
  }

  #end(isUnknown: boolean): void {
    this.#open--;
    if (isUnknown) this.unknown++;
  }
}
