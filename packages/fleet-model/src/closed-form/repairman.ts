/**
 * A station and the finite number of customers that come back to it: the machine repairman model with a shop whose speed depends on
 * how many it has in hand. Exact for exponential times; for processor sharing and for delays elsewhere it needs the means only (BCMP
 * 1975). E. D. Lazowska and others, Quantitative System Performance (1984), ch. 8; L. Kleinrock, Queueing Systems I (1975), ch. 3.8.
 */

export interface Repairman {
  /** Customers; between two whole numbers the answer is interpolated. */
  population: number;
  /** Mean time that a customer is away. */
  thinkMs: number;
  /** Mean time of one that is alone. */
  demandMs: number;
  /** Work done with `inHand` customers over that with one; grows up to `places`, constant from there. */
  speed: (inHand: number) => number;
  places: number;
}

export interface RepairmanAnswer {
  perMs: number;
  /** Waiting and being served. */
  residenceMs: number;
}

export function solveRepairman(shop: Repairman): RepairmanAnswer {
  const { population, thinkMs, demandMs } = shop;
  if (!(population > 0) || !(demandMs > 0)) return { perMs: 0, residenceMs: demandMs };
  const whole = Math.floor(population);
  const part = population - whole;
  const few = whole === 0 ? 0 : throughput(shop, whole);
  const perMs = part === 0 ? few : few + part * (throughput(shop, whole + 1) - few);
  // Little's law for the whole cycle.
  return { perMs, residenceMs: Math.max(demandMs, population / perMs - thinkMs) };
}

/** Shares of time below this, against the largest, are left out. */
const NEGLIGIBLE = 1e-9;

function throughput(shop: Repairman, population: number): number {
  const { thinkMs, demandMs, speed, places } = shop;
  if (thinkMs <= 0) return speed(Math.min(places, population)) / demandMs;
  return meanOverTime(shop, population, (inHand) => (inHand === 0 ? 0 : speed(Math.min(inHand, places)) / demandMs));
}

/** What one who comes finds, on average: the state of the station with one customer fewer (arrival theorem, Sevcik and Mitrani 1981). */
export function meanOverArrivals(shop: Repairman, value: (inHand: number) => number): number {
  const others = Math.max(0, Math.round(shop.population) - 1);
  if (shop.thinkMs <= 0) return value(others);
  return meanOverTime(shop, others, value);
}

/** Walks from the most likely state both ways, so that a hundred thousand customers cost no more than the spread around it. */
function meanOverTime(
  { thinkMs, demandMs, speed, places }: Repairman,
  population: number,
  value: (inHand: number) => number,
): number {
  const rate = (inHand: number) => speed(Math.min(inHand, places)) / demandMs;
  /** How much likelier `inHand` is than one fewer; falls as `inHand` grows. */
  const step = (inHand: number) => (population - inHand + 1) / thinkMs / rate(inHand);
  let low = 0;
  let high = population;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (step(middle) >= 1) low = middle;
    else high = middle - 1;
  }
  const peak = low;
  let total = 1;
  let sum = value(peak);
  for (let inHand = peak + 1, weight = 1; inHand <= population; inHand++) {
    weight *= step(inHand);
    if (weight < NEGLIGIBLE) break;
    total += weight;
    sum += weight * value(inHand);
  }
  for (let inHand = peak, weight = 1; inHand >= 1; inHand--) {
    weight /= step(inHand);
    if (weight < NEGLIGIBLE) break;
    total += weight;
    sum += weight * value(inHand - 1);
  }
  return sum / total;
}
