/** The utilisation law, for a first guess of a capacity. */

/** The load, in tasks a second, at which the first role has used up its cores; undefined where none has spent any. */
export function ceilingLoad(
  spentSeconds: Record<string, number>,
  paid: number,
  coresByRole: Record<string, number>,
): number | undefined {
  const ceilings = Object.entries(spentSeconds).flatMap(([role, seconds]) =>
    seconds > 0 && paid > 0 ? [((coresByRole[role] ?? 1) * paid) / seconds] : [],
  );
  return ceilings.length > 0 ? Math.min(...ceilings) : undefined;
}
