/** How much faster than life stubs may run on this machine: a timer that is a millisecond late is late by the scale in the fleet's time. */
import { fleetsOnStubs } from "./fleet-on-stubs.ts";
import type { StubFleet } from "./stub-fleets.ts";

export interface StubPace {
  timeScale: number;
  /** Of a task's time in the fleet that suffers most, by arithmetic from the lateness when it was tried. */
  lateness: number;
}

const FASTEST = 20;
/** The fleet's time must still pass for some tasks. */
const SLOWEST = 1;
const TRIES = 3;
const TRY_REAL_MS = 8_000;
/** A twentieth of what stubs and simulation may differ: what the program does itself for a request comes on top, and is more. */
const LATENESS_WANTED = 0.005;

/** What the lateness adds to a task, as a share of its time, in the fleet that suffers most. */
export function worstLateness(
  fleets: readonly StubFleet[],
  { lateMs, timeScale }: { lateMs: number; timeScale: number },
): number {
  return Math.max(...fleets.map(({ waitsPerTask, taskSeconds }) => (waitsPerTask * lateMs * timeScale) / 1_000 / taskSeconds));
}

/** Tries the fleets themselves for some seconds, and slows down until they are hardly late. */
export async function findPace(
  fleets: readonly StubFleet[],
  { seed, signal }: { seed: number; signal?: AbortSignal },
): Promise<StubPace> {
  let timeScale = FASTEST;
  for (let attempt = 1; ; attempt++) {
    const settleMs = TRY_REAL_MS * timeScale * 0.5;
    const options = { seed, timeScale, settleMs, realMs: TRY_REAL_MS, ...(signal && { signal }) };
    const { lateMs } = await fleetsOnStubs(fleets, options);
    const lateness = worstLateness(fleets, { lateMs, timeScale });
    if (lateness <= LATENESS_WANTED || attempt === TRIES || timeScale <= SLOWEST) return { timeScale, lateness };
    timeScale = slower(timeScale, lateness);
  }
}

/** Slower fleets are less late in real time as well, so a root would do; the rest is a margin. */
export function slower(timeScale: number, lateness: number): number {
  const wanted = timeScale * (LATENESS_WANTED / lateness) ** 0.75;
  return Math.max(SLOWEST, Math.floor(wanted * 2) / 2);
}
