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

/** In another unit. */
export function scaledDistribution(distribution: Distribution, factor: number): Distribution {
  switch (distribution.kind) {
    case "constant":
      return { kind: "constant", value: distribution.value * factor };
    case "exponential":
      return { kind: "exponential", mean: distribution.mean * factor };
    case "lognormal":
      return { ...distribution, median: distribution.median * factor };
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

/**
 * A seeded generator (Jenkins' small fast counter generator, sfc32). `stream` separates sequences under one seed, so that each
 * agent, or each task, draws its own numbers whatever the others do.
 */
export function seededRandom(seed: number, stream = 0): Random {
  let a = seed >>> 0;
  let b = Math.floor(seed / 2 ** 32) >>> 0;
  let c = stream >>> 0;
  let counter = 1;
  const next = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  };
  // The author's advice: the first dozen outputs still show the seed.
  for (let i = 0; i < 15; i++) next();
  return next;
}
