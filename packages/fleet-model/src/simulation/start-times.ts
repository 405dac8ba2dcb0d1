import { seededRandom } from "../random.ts";

/** When each agent begins: spread over half of the time to settle, or all would ask at once. */
export function startTimesMs({ agents, seed, settleMs }: { agents: number; seed: number; settleMs: number }): number[] {
  const random = seededRandom(seed, START_STREAM);
  return Array.from({ length: agents }, () => random() * settleMs * 0.5);
}

const START_STREAM = 3;
