/** Numbers as the page writes them. */
import type { Estimate } from "@hubscale/fleet-model";

/** Three significant digits, whole numbers from 100 to 10,000: what the intervals justify. What rounding has left of nothing is 0. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) < RESIDUE) return "0";
  if (Math.abs(value) >= 100 && Math.abs(value) < 10_000) return Math.round(value).toLocaleString("en");
  return value.toLocaleString("en", { maximumSignificantDigits: 3 });
}

const RESIDUE = 1e-6;

/** `120 [90, 150]`; the value alone where no interval was drawn. */
export function estimate(figure: Estimate | null): string {
  if (!figure) return "–";
  const { value, low, high, n } = figure;
  return n === 0 ? number(value) : `${number(value)} [${number(low)}, ${number(high)}]`;
}

export function signedEstimate(figure: Estimate): string {
  return `${figure.value >= 0 ? "+" : ""}${estimate(figure)}`;
}

export function duration(seconds: number): string {
  if (seconds < 120) return `${number(seconds)} s`;
  if (seconds < 7_200) return `${number(seconds / 60)} min`;
  return `${number(seconds / 3_600)} h`;
}

export function days(count: number): string {
  if (count < 1) return `${number(count * 24)} hours`;
  if (count < 730) return `${number(count)} days`;
  return `${number(count / 365)} years`;
}

export const percent = (share: number) => `${number(100 * share)} %`;
