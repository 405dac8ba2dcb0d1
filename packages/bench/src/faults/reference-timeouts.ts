/**
 * Tasks that only a timeout of the reference hub ends (docs/differences.md): an agent that did not accept is given 60 s, and a task
 * that nobody watches, such as one that a busy agent rejected, is taken back by the sweep after 10 minutes, or 20 with an agent that
 * seems to work on it. The others have none of them.
 */
import { TIMERS } from "@hubscale/protocol";
import type { LookUp } from "../load/submitter.ts";

/** A hub that has such timeouts. */
export interface SlowTimeouts {
  /** The hub's wall clock, by which its sweeps count, goes ahead by so much; its timers go on. */
  skip(ms: number): void;
}

/** What a task waited for, as its history names it. */
export type WaitedFor = (typeof WAITED_FOR)[number];
const WAITED_FOR = ["acceptance_timeout", "stuck"] as const;

/** From the end of the load: 60 s for an acceptance, then a sweep, which comes every 30 s, then the work. */
export const WAIT_MS = 120_000;
/** By then whoever had 60 s has had them; what is left waits for a sweep. */
const SKIP_AFTER_MS = TIMERS.acceptWithinMs + 10_000;

/** By the history of the task, newest first; undefined: nothing of the kind happened to it. */
export function waitedFor(events: readonly string[]): WaitedFor | undefined {
  return WAITED_FOR.find((reason) => events.includes(reason));
}

export interface WaitOptions {
  timeouts: SlowTimeouts;
  /** Tasks that are still open. */
  open(): readonly string[];
  lookUp(taskId: string): Promise<LookUp>;
  /** Milliseconds since the end of the load. */
  elapsedMs(): number;
  /** Asks the hub about the open ones, and waits a little. */
  look(): Promise<void>;
}

/**
 * Resolves when none is open, or after WAIT_MS. Nobody waits 20 minutes for a sweep: the clock is set ahead, once, when every
 * open task is assigned. A queued one would expire by it, and is stuck whatever the clock says.
 */
export async function waitForTimeouts({ timeouts, open, lookUp, elapsedMs, look }: WaitOptions): Promise<void> {
  let hasSkipped = false;
  while (open().length > 0 && elapsedMs() < WAIT_MS) {
    if (!hasSkipped && elapsedMs() >= SKIP_AFTER_MS) {
      const said = await Promise.all(open().map(lookUp));
      hasSkipped = said.length > 0 && said.every(({ status }) => status === "assigned");
      if (hasSkipped) timeouts.skip(TIMERS.stuckWorkingMs);
    }
    await look();
  }
}
