/**
 * Finds the load that a hub can just bear, from trials that are noisy and only say "held" or "missed".
 *
 * It is the method that psychophysics uses for thresholds (QUEST: Watson and Pelli 1983, Perception & Psychophysics 33): a
 * posterior over the capacity, each trial placed where it tells most, and an interval that is valid however the loads were
 * chosen. A short search gives a wide interval instead of a wrong number; a trial spoilt by the machine moves the result
 * little, because each outcome has a stated chance of being a fluke.
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
   * The next load to try: a low, middle or high quantile of what is believed, in turn, so that the spread is learnt too. Until
   * a load was missed it goes up faster, until one held faster down: first the capacity has to be bracketed.
   */
  nextLoad(): number {
    const inTurn = PLACEMENTS[this.#trials.length % PLACEMENTS.length] ?? 0.5;
    const q = this.#trials.length === 0 || !this.isOneSided() ? inTurn : this.#trials[0]?.held ? BRACKET_ABOVE : BRACKET_BELOW;
    return Math.min(Math.exp(this.#quantile(q)), this.#options.maxLoad);
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
        const steady = 1 / (1 + Math.exp((x - threshold) / spread));
        const pHeld = FLUKE + (1 - 2 * FLUKE) * steady;
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
    const peak = Math.max(...this.#logPosterior.map((row) => Math.max(...row)));
    const weights = this.#thresholds.map((_, t) =>
      this.#logPosterior.reduce((sum, row) => sum + Math.exp((row[t] as number) - peak), 0),
    );
    const total = weights.reduce((sum, w) => sum + w, 0);
    return weights.map((w) => w / total);
  }
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
const PLACEMENTS = [0.5, 0.3, 0.7];
const BRACKET_ABOVE = 0.7;
const BRACKET_BELOW = 0.3;
