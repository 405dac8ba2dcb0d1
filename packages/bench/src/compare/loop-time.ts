/** How busy the event loops of a hub were. */
export interface LoopTime {
  activeMs: number;
  idleMs: number;
}

/** The share of the time in which the busiest event loop was active, 0 to 1; null: the hub does not tell. */
export function busiestLoop(before: readonly LoopTime[], after: readonly LoopTime[]): number | null {
  if (after.length === 0 || after.length !== before.length) return null;
  const shares = after.map(({ activeMs, idleMs }, index) => {
    const since = before[index] as LoopTime;
    const active = activeMs - since.activeMs;
    return active / Math.max(1, active + idleMs - since.idleMs);
  });
  return Math.max(...shares);
}
