/** The option by which a review asks what a hub would do on a slower disk; the same words wherever it is given. */
import { FSYNC_FLOOR_MS_MAX } from "@hubscale/hub-single";
import { InvalidArgumentError } from "commander";

/** Arguments of commander's `option`. */
export const FSYNC_FLOOR: [flags: string, description: string, parse: (text: string) => number, value: number] = [
  "--fsync-floor-ms <n>",
  "every sync of a single hub takes at least this long, as on a slower disk; sharded hubs refuse",
  fsyncFloorMs,
  0,
];

function fsyncFloorMs(text: string): number {
  const value = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= FSYNC_FLOOR_MS_MAX))
    throw new InvalidArgumentError(`give whole milliseconds from 0 to ${FSYNC_FLOOR_MS_MAX}.`);
  return value;
}
