/** What clients got from the hub, counted in steps of the same length. */
export interface Timeline {
  stepMs: number;
  /** Submissions acknowledged in each step. */
  acknowledged: number[];
  /** Tasks that were seen to end in each step. */
  ended: number[];
}

const STEP_MS = 250;

export function timelineOf(
  { acknowledged, ended }: Record<"acknowledged" | "ended", readonly { atMs: number }[]>,
  fromMs: number,
  toMs: number,
): Timeline {
  const steps = Math.ceil((toMs - fromMs) / STEP_MS);
  const counted = (events: readonly { atMs: number }[]) => {
    const counts = Array.from({ length: steps }, () => 0);
    for (const { atMs } of events) {
      const step = Math.floor((atMs - fromMs) / STEP_MS);
      if (step >= 0 && step < steps) counts[step] = (counts[step] ?? 0) + 1;
    }
    return counts;
  };
  return { stepMs: STEP_MS, acknowledged: counted(acknowledged), ended: counted(ended) };
}
