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

/** The mean of a lognormal is exp(sigma² / 2) medians: 3,000 at 4; the widest that was found, of a tool's time, has 2.8. */
export const SIGMA_MAX = 4;
/**
 * `250`, `exp:250` (mean) or `lognormal:250,0.8` (median, sigma up to 4); undefined when the text is none of them.
 */
export function parseDistribution(text: string): Distribution | undefined {
  const [, kind = "constant", first = "", second] = /^(?:(constant|exp|lognormal):)?([^,]*)(?:,(.*))?$/.exec(text.trim()) ?? [];
  const size = amountOf(first);
  if (size === undefined) return undefined;
  if (kind === "lognormal") {
    const sigma = second === undefined ? undefined : amountOf(second);
    return sigma === undefined || sigma > SIGMA_MAX || size === 0 ? undefined : { kind, median: size, sigma };
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
export class SeededStream {
  private a = 0;
  private b = 0;
  private c = 0;
  private counter = 1;

  constructor(seed: number, stream = 0) {
    this.restart(seed, stream);
  }

  restart(seed: number, stream: number): void {
    this.a = seed | 0;
    this.b = Math.floor(seed / 2 ** 32) | 0;
    this.c = stream | 0;
    this.counter = 1;
    // The author's advice: the first dozen outputs still show the seed.
    for (let i = 0; i < 15; i++) this.next();
  }

  /** A function of its own, so that it can be handed on. */
  readonly next: Random = () => {
    const sum = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };

  /** Where the sequence is, in four numbers from `at` on; `load` goes on from there. */
  save(into: Int32Array, at: number): void {
    into[at] = this.a;
    into[at + 1] = this.b;
    into[at + 2] = this.c;
    into[at + 3] = this.counter;
  }

  load(from: Int32Array, at: number): void {
    this.a = from[at] as number;
    this.b = from[at + 1] as number;
    this.c = from[at + 2] as number;
    this.counter = from[at + 3] as number;
  }
}

export function seededRandom(seed: number, stream = 0): Random {
  return new SeededStream(seed, stream).next;
}
