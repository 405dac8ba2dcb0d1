/** What work that nobody waits for may meet and go on: an engine that is away, or that does not take one task as it is. */
import { Refused, Unavailable } from "@hubscale/hub-runtime";

/** The engine has logged it, and the next round tries again. Anything else must end the node. */
export function isSurvivable(error: unknown): boolean {
  return error instanceof Unavailable || error instanceof Refused;
}
