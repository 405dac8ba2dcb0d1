/**
 * From where on a series is steady: warm-up by change points instead of by a fixed time, so that "never steady" can be said.
 * Pure. (Barrett et al., "Virtual machine warmup blows hot and cold", OOPSLA 2017, found that many programs never are.)
 */

/** The index of the first value of the steady end of the series, which has at least so many values; null: it has none yet. */
export function steadyFrom(values: readonly number[], least = LEAST_STEADY): number | null {
  const from = lastChange(values);
  const end = values.slice(from);
  return end.length >= least && !drifts(end) ? from : null;
}

/** A jump in the last two would look like noise, and three agree by chance. */
export const LEAST_STEADY = 4;
/** A split must explain so much of the spread, or it is noise cut in two: with few values nearly any cut explains something. */
const EXPLAINED = 0.65;
/** Values within this of each other are the same for our purpose, however clear a change between them is. */
const SAME_SHARE = 0.1;
/** The mean of fewer values than this is known too badly for that. */
const FEW = 4;

/** Where the last segment begins, by binary segmentation: the split that lowers the sum of squares most, and then in the right part again. */
function lastChange(values: readonly number[], offset = 0): number {
  const whole = squares(values);
  let best = { at: 0, left: whole };
  for (let at = 1; at < values.length; at++) {
    const left = squares(values.slice(0, at)) + squares(values.slice(at));
    if (left < best.left) best = { at, left };
  }
  const { at } = best;
  const isChange =
    at > 0 &&
    best.left < (1 - EXPLAINED) * whole &&
    Math.abs(mean(values.slice(0, at)) - mean(values.slice(at))) > SAME_SHARE * mean(values.slice(at));
  return isChange ? lastChange(values.slice(at), offset + at) : offset;
}

/** Both halves of a steady series have about the same mean: the more values each has, the nearer to each other. */
function drifts(values: readonly number[]): boolean {
  const half = Math.floor(values.length / 2);
  const [first, last] = [mean(values.slice(0, half)), mean(values.slice(-half))];
  const apart = half < FEW ? 2 * SAME_SHARE : SAME_SHARE;
  return Math.abs(first - last) > apart * Math.max(first, last);
}

function squares(values: readonly number[]): number {
  const center = mean(values);
  return values.reduce((sum, value) => sum + (value - center) ** 2, 0);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
