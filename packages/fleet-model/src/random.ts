/** A source of numbers in [0, 1), handed in by whoever wants a distribution drawn. */
export type Random = () => number;

/**
 * A number that varies. `lognormal`: `sigma` is the standard deviation of the logarithm; mean / median = exp(sigma² / 2).
 * The unit is that of whoever holds it.
 */
export type Distribution =
  | { kind: "constant"; value: number }
  | { kind: "exponential"; mean: number }
  | { kind: "lognormal"; median: number; sigma: number };

export function draw(distribution: Distribution, random: Random): number {
  switch (distribution.kind) {
    case "constant":
      return distribution.value;
    case "exponential":
      return -distribution.mean * Math.log(1 - random());
    case "lognormal":
      return distribution.median * Math.exp(distribution.sigma * standardNormal(random));
  }
}

export function meanOf(distribution: Distribution): number {
  switch (distribution.kind) {
    case "constant":
      return distribution.value;
    case "exponential":
      return distribution.mean;
    case "lognormal":
      return distribution.median * Math.exp(distribution.sigma ** 2 / 2);
  }
}

/** `250`, `exp:250` (mean) or `lognormal:250,0.8` (median, sigma); undefined when the text is none of them. */
export function parseDistribution(text: string): Distribution | undefined {
  const [, kind = "constant", first = "", second] = /^(?:(constant|exp|lognormal):)?([^,]*)(?:,(.*))?$/.exec(text.trim()) ?? [];
  const size = amountOf(first);
  if (size === undefined) return undefined;
  if (kind === "lognormal") {
    const sigma = second === undefined ? undefined : amountOf(second);
    return sigma === undefined || size === 0 ? undefined : { kind, median: size, sigma };
  }
  if (second !== undefined) return undefined;
  return kind === "exp" ? { kind: "exponential", mean: size } : { kind: "constant", value: size };
}

function amountOf(text: string): number | undefined {
  const amount = Number(text);
  return text.trim() !== "" && Number.isFinite(amount) && amount >= 0 ? amount : undefined;
}

/** Box and Muller's transform; 1 - x, because x may be 0 and has no logarithm then. */
function standardNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
