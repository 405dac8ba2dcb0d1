/** Documents around a size in bytes of JSON, in every form in which JSON grows when it is read and written again. */
import type { Random } from "@hubscale/sidecar-sim";

/** As shares of a limit: nothing, a usual one, just below, at and above it, far above. */
const SHARES = [0.001, 0.3, 0.98, 0.997, 0.9995, 1, 1.0005, 1.02, 1.5];

export function bytesNear(random: Random, limitBytes: number): number {
  return Math.round(limitBytes * (SHARES[whole(random, SHARES.length)] as number));
}

/** JSON text whose value, written by the hub, has about so many bytes; the text itself may be far shorter. */
export function documentText(random: Random, bytes: number): string {
  switch (whole(random, 7)) {
    case 0: // 1e20 is written with 21 digits
      return `[${Array.from({ length: Math.ceil(bytes / 22) }, () => "1e20").join(",")}]`;
    case 1: // three bytes for each of these
      return JSON.stringify("€".repeat(bytes / 3));
    case 2: // four for each pair
      return JSON.stringify("😀".repeat(bytes / 4));
    case 3: // six, as escapes
      return JSON.stringify("\u0001".repeat(bytes / 6));
    case 4:
      return JSON.stringify(Object.fromEntries(Array.from({ length: Math.ceil(bytes / 14) }, (_, key) => [`key${key}`, null])));
    case 5: {
      const depth = 1 + whole(random, 400);
      return `${"[".repeat(depth)}${JSON.stringify("x".repeat(Math.max(0, bytes - 2 * depth - 2)))}${"]".repeat(depth)}`;
    }
    default:
      return JSON.stringify("x".repeat(Math.max(0, bytes - 2)));
  }
}

export function whole(random: Random, below: number): number {
  return Math.floor(random() * below);
}
