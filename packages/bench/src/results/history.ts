/** What the check of a hub's history comes to, the same for every command. */
import type { History } from "./compare-result.ts";

/** Nothing acknowledged was lost, ended twice, or accepted from an overtaken agent, and of nothing it is unknown. */
export function isClean({ lost, duplicated, staleAccepted, unverified = 0 }: History): boolean {
  return lost + duplicated + staleAccepted + unverified === 0;
}

/** "3 × …, 1 × …"; undefined: there were none. */
export function protocolFaultsText(faults: Record<string, number> = {}): string | undefined {
  const entries = Object.entries(faults);
  return entries.length === 0 ? undefined : entries.map(([what, count]) => `${count} × ${what}`).join(", ");
}
