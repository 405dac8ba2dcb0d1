/**
 * Finds the load that a hub can just bear, from trials that are noisy and only say "held" or "missed".
 *
 * It is the method that psychophysics uses for thresholds (QUEST: Watson and Pelli 1983, Perception & Psychophysics 33): a
 * posterior over the capacity, each trial placed where it is expected to tell most (least expected variance: King-Smith et al. 1994,
 * Vision Research 34), and an interval that is valid however the loads were chosen. A short search gives a wide interval instead of a
 * wrong number; a trial spoilt by the machine moves the result little, because each outcome has a stated chance of being a fluke.
 */
import type { Estimate } from "./estimate.ts";

export interface CapacitySearchOptions {
  /** A first guess of the capacity, in tasks/s (or whatever the load is counted in). May be off by a factor of ten. */
  guess: number;
  /** No trial is offered more than this: what the generator is known to manage. */
  maxLoad: number;
  unit: string;
}

export class CapacitySearch {
  readonly #options: CapacitySearchOptions;
  readonly #thresholds: number[] = [];
  readonly #logPosterior: number[][];
  readonly #trials: { load: number; held: boolean }[] = [];

  constructor(options: CapacitySearchOptions) {
    if (!(options.guess > 0) || !(options.maxLoad > 0)) throw new RangeError("guess and maxLoad must be positive");
    this.#options = options;
    const center = Math.log(options.guess);
    for (let i = 0; i < THRESHOLD_STEPS; i++) {
      this.#thresholds.push(center + PRIOR_SPAN * ((2 * i) / (THRESHOLD_STEPS - 1) - 1));
    }
    this.#logPosterior = SPREADS.map(() => this.#thresholds.map((t) => -0.5 * ((t - center) / PRIOR_SPREAD) ** 2));
  }

  /**
   * The next load to try: the one after which the capacity is expected to be known best. Until a load was missed it goes up faster,
   * until one held faster down: first the capacity has to be bracketed.
   */
  nextLoad(): number {
    const isBracketing = this.#trials.length > 0 && this.isOneSided();
    const x = isBracketing ? this.#quantile(this.#trials[0]?.held ? BRACKET_ABOVE : BRACKET_BELOW) : this.#mostTelling();
    return Math.min(Math.exp(x), this.#options.maxLoad);
  }

  /**
   * `arrivals`: how many tasks were to come in the trial, at random. Of few, more or less come than the load says and in clumps, so that
   * the trial tells less. Infinite: what was asked for is what there was.
   */
  record(load: number, held: boolean, arrivals = Number.POSITIVE_INFINITY): void {
    this.#trials.push({ load, held });
    const x = Math.log(load);
    SPREADS.forEach((ofHub, s) => {
      const spread = Math.hypot(ofHub, 1 / Math.sqrt(arrivals));
      const row = this.#logPosterior[s] as number[];
      this.#thresholds.forEach((threshold, t) => {
        const pHeld = chanceToHold(x - threshold, spread);
        row[t] = (row[t] as number) + Math.log(held ? pHeld : 1 - pHeld);
      });
    });
  }

  /** The load at which a trial is as likely to hold as to miss, with its 95 % credible interval. */
  estimate(): Estimate {
    return {
      value: Math.exp(this.#quantile(0.5)),
      low: Math.exp(this.#quantile(0.025)),
      high: Math.exp(this.#quantile(0.975)),
      n: this.#trials.length,
      unit: this.#options.unit,
    };
  }

  /** Half the interval's width over the value: 0.1 is "±10 %". */
  relativeHalfWidth(): number {
    const { value, low, high } = this.estimate();
    return (high - low) / 2 / value;
  }

  /** True while nothing above was seen to fail, or nothing below to hold: the interval is then the prior's on that side. */
  isOneSided(): boolean {
    return !this.#trials.some((t) => t.held) || !this.#trials.some((t) => !t.held);
  }

  /** Of loads between what is believed least and most: the one whose outcome, whichever it is, leaves the least variance on average. */
  #mostTelling(): number {
    const weights = this.#weights();
    const [low, high] = [this.#quantile(LEAST_BELIEVED), this.#quantile(1 - LEAST_BELIEVED)];
    let best = { x: low, variance: Number.POSITIVE_INFINITY };
    for (let step = 0; step < CANDIDATES; step++) {
      const x = low + ((high - low) * step) / (CANDIDATES - 1);
      const held = new Moments();
      const missed = new Moments();
      weights.forEach((row, s) => {
        row.forEach((weight, t) => {
          if (weight < NEGLIGIBLE) return;
          const threshold = this.#thresholds[t] as number;
          const pHeld = chanceToHold(x - threshold, SPREADS[s] as number);
          held.add(threshold, weight * pHeld);
          missed.add(threshold, weight * (1 - pHeld));
        });
      });
      const variance = held.weight * held.variance() + missed.weight * missed.variance();
      if (variance < best.variance) best = { x, variance };
    }
    return best.x;
  }

  #quantile(q: number): number {
    const weights = this.#marginal();
    let before = 0;
    for (let t = 0; t < weights.length; t++) {
      const weight = weights[t] as number;
      if (before + weight >= q) {
        const step = (this.#thresholds[1] as number) - (this.#thresholds[0] as number);
        return (this.#thresholds[t] as number) + step * ((q - before) / weight - 0.5);
      }
      before += weight;
    }
    return this.#thresholds.at(-1) as number;
  }

  #marginal(): number[] {
    const weights = this.#weights();
    return this.#thresholds.map((_, t) => weights.reduce((sum, row) => sum + (row[t] as number), 0));
  }

  /** What is believed of each spread and threshold; sums up to one. */
  #weights(): number[][] {
    const peak = Math.max(...this.#logPosterior.map((row) => Math.max(...row)));
    const weights = this.#logPosterior.map((row) => row.map((log) => Math.exp(log - peak)));
    const total = weights.reduce((sum, row) => sum + row.reduce((ofRow, weight) => ofRow + weight, 0), 0);
    return weights.map((row) => row.map((weight) => weight / total));
  }
}

/** Of a weighted sample. */
class Moments {
  weight = 0;
  #first = 0;
  #second = 0;

  add(value: number, weight: number): void {
    this.weight += weight;
    this.#first += weight * value;
    this.#second += weight * value * value;
  }

  variance(): number {
    return this.#second / this.weight - (this.#first / this.weight) ** 2;
  }
}

/** `over`: log of the load, less that of the capacity. */
function chanceToHold(over: number, spread: number): number {
  return FLUKE + (1 - 2 * FLUKE) / (1 + Math.exp(over / spread));
}

/** The grid spans a factor of e^3 = 20 on each side of the guess, in steps of 1 %. */
const PRIOR_SPAN = 3;
const THRESHOLD_STEPS = 601;
/**
 * One standard deviation of the guess: a factor of 1.6. Of 29 guesses in five runs the logarithms of guess over capacity had 0.37, and one
 * more was off by a factor of 7, which costs a few trials. With 0.7 as before, 11 trials gave intervals an eighth wider.
 */
const PRIOR_SPREAD = 0.45;
/**
 * How gradual the change from "always holds" to "always misses" may be, in log load: sharp, 3 %, 6 %, 12 %. The arrivals add 1/√n to it,
 * 1.8 times the standard deviation of their number: 60 trials of 16 to 24 tasks of the reference hub fit to 0.25 and more, which
 * none of these would.
 */
const SPREADS = [0.01, 0.03, 0.06, 0.12];
/** Chance that a trial says the opposite of what it should because something else happened on the machine. */
const FLUKE = 0.04;
const BRACKET_ABOVE = 0.7;
const BRACKET_BELOW = 0.3;
/** Loads that are considered for the next trial, and the quantiles between which they lie. */
const CANDIDATES = 33;
const LEAST_BELIEVED = 0.03;
/** Of all that is believed: too little to move a variance. */
const NEGLIGIBLE = 1e-9;
