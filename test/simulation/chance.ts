/**
 * Chance for each part of a simulated hub by itself, by name: when a fault is left out, the parts that it does not touch draw what
 * they drew before, and a failure that hangs on their timing stays.
 */
import { type Random, seededRandom } from "@hubscale/sidecar-sim";

export type Chance = (of: string) => Random;

export function chanceOf(seed: number): Chance {
  return (of) => seededRandom(hashOf(`${seed} ${of}`));
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
  return hash;
}
