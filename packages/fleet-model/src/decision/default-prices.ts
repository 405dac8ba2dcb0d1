/** Prices to begin with: orders of magnitude to be replaced by the team's own. */
import type { PriceList } from "./price-list.ts";

const ASSUMED = "assumption: street price over 36 months and power at 0.30 EUR/kWh under half load";

/** No price page was at hand when these were written, so every one of them is an assumption and says so. */
export const DEFAULT_PRICES: PriceList = {
  currency: "EUR",
  dated: "2026-11-25",
  machine: { perMonth: 60, source: "assumption: 1,600 EUR over 36 months and 15 EUR of power" },
  gpus: {
    rtx3060: { perMonth: 25, source: ASSUMED },
    rtx3070: { perMonth: 28, source: ASSUMED },
    rtx3090: { perMonth: 55, source: ASSUMED },
    rtx4090: { perMonth: 90, source: ASSUMED },
    "a100-80": { perMonth: 420, source: ASSUMED },
    "h100-80": { perMonth: 800, source: ASSUMED },
  },
  hubNode: { perMonth: 25, source: "assumption: a small virtual machine" },
  uplinkMbit: { perMonth: 0.5, source: "assumption: the difference between two business lines" },
  apiTier: { perMonth: 0, source: "assumption: a tier costs a deposit; tokens are paid in any tier" },
};
