/** How the command lines read their values: each a parser for commander, whose error says what is allowed. */
import { InvalidArgumentError } from "commander";
import { parseSlo, SLO_HELP } from "./measure/slo.ts";

export function numberFrom(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!(value >= low && value <= high)) throw new InvalidArgumentError(`give a number from ${low} to ${high}.`);
    return value;
  };
}

export function wholeNumberFrom(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= low && value <= high)) throw new InvalidArgumentError(`give a whole number from ${low} to ${high}.`);
    return value;
  };
}

export const wholeNumber = wholeNumberFrom(0, 999_999_999);

export function commaList(text: string): string[] {
  return text
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
}

export function wholeNumbers(text: string): number[] {
  return commaList(text).map(wholeNumber);
}

export function slo(text: string) {
  const parsed = parseSlo(text);
  if (!parsed) throw new InvalidArgumentError(SLO_HELP);
  return parsed;
}

/** Of a core, for a CPU quota. */
export function coreShare(text: string): number {
  const value = Number(text);
  if (!(value >= 0.1 && value <= 64)) throw new InvalidArgumentError("give a share of a core from 0.1 to 64.");
  return value;
}
