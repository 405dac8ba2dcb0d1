import type { Random } from "@hubscale/fleet-model";

export { type Random, seededRandom } from "@hubscale/fleet-model";

/** A draw from the exponential distribution. */
export function exponential(random: Random, mean: number): number {
  return -mean * Math.log(1 - random());
}

/** A draw from the standard normal distribution (Box and Muller). */
export function standardNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
