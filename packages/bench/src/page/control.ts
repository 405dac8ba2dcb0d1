/** One thing that a reviewer may change, as data. */
import type { FleetInput } from "@hubscale/fleet-model";

export interface Control {
  /** Its name in a link. */
  id: string;
  group: string;
  label: string;
  /** A `scale` is a slider over its values in order; a `choice` a list of names. */
  kind: "scale" | "choice";
  values: readonly string[];
  text(value: string): string;
  read(input: FleetInput): string;
  write(input: FleetInput, value: string): FleetInput;
}

/** The steps of a slider: the present value is always one of them. */
export function withPresent(values: readonly number[], present: number): string[] {
  return [...new Set([...values, present])].sort((a, b) => a - b).map(String);
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

export const plain = (value: string) => value;
