/** The flags of the program `main`. */
import { parseArgs } from "node:util";
import { EDGE_FLAGS, type EdgeFlags, edgeFlagsOf } from "@hubscale/hub-runtime";
import { FSYNC_FLOOR_MS_MAX } from "./disk.ts";
import { ALL_FIXES, type Fix, type Fixes, isFix, type Profile, PROFILES } from "./fixes.ts";
import { RETAINED_COMPLETED_ROWS } from "./table/retention.ts";

export interface Flags extends EdgeFlags {
  host: string;
  port: number;
  dataDir: string;
  profile: Profile;
  fixes: Fixes;
  /** `off`, `reference`, or the path of a JSON file. */
  rateLimits: string;
  retainCompletedRows: number;
  seedCompletedRows: number;
  /** 0: syncs take as long as they take. */
  fsyncFloorMs: number;
  /** The hub ends when its stdin ends: for a parent that may die without a word. */
  exitWithParent: boolean;
}

export type ParsedFlags = { ok: true; flags: Flags } | { ok: false; message: string };

export function parseFlags(args: readonly string[]): ParsedFlags {
  try {
    return { ok: true, flags: flagsOf(args) };
  } catch (error) {
    return { ok: false, message: (error as Error).message };
  }
}

function flagsOf(args: readonly string[]): Flags {
  const { values } = parseArgs({
    args: [...args],
    options: {
      host: { type: "string", default: "127.0.0.1" },
      port: { type: "string", default: "4000" },
      data: { type: "string", default: "hubscale-data" },
      profile: { type: "string", default: "tuned" },
      fix: { type: "string" },
      "rate-limits": { type: "string", default: "reference" },
      "retain-completed": { type: "string", default: String(RETAINED_COMPLETED_ROWS) },
      "seed-completed-rows": { type: "string", default: "0" },
      "fsync-floor-ms": { type: "string", default: "0" },
      "exit-with-parent": { type: "boolean", default: false },
      ...EDGE_FLAGS,
    },
  });
  const profile = PROFILES.find((name) => name === values.profile);
  if (!profile) throw new Error(`--profile must be ${PROFILES.join(" or ")}, not "${values.profile}"`);
  return {
    host: values.host,
    port: countOf("--port", values.port, 65_535),
    dataDir: values.data,
    profile,
    fixes: fixesOf(profile, values.fix),
    rateLimits: values["rate-limits"],
    retainCompletedRows: countOf("--retain-completed", values["retain-completed"]),
    seedCompletedRows: countOf("--seed-completed-rows", values["seed-completed-rows"]),
    fsyncFloorMs: countOf("--fsync-floor-ms", values["fsync-floor-ms"], FSYNC_FLOOR_MS_MAX),
    exitWithParent: values["exit-with-parent"],
    ...edgeFlagsOf(values),
  };
}

function fixesOf(profile: Profile, list: string | undefined): Fixes {
  if (profile === "tuned") {
    if (list !== undefined) throw new Error("--fix adds single fixes to --profile reference; tuned has all of them");
    return ALL_FIXES;
  }
  const fixes = new Set<Fix>();
  for (const name of list?.split(",") ?? []) {
    if (!isFix(name)) throw new Error(`--fix knows ${[...ALL_FIXES].join(", ")}, not "${name}"`);
    fixes.add(name);
  }
  return fixes;
}

function countOf(flag: string, text: string, max = Number.MAX_SAFE_INTEGER): number {
  const count = Number(text);
  if (text.trim() !== "" && Number.isInteger(count) && count >= 0 && count <= max) return count;
  const range = max === Number.MAX_SAFE_INTEGER ? "a whole number, 0 or more" : `a whole number from 0 to ${max}`;
  throw new Error(`${flag} must be ${range}, not "${text}"`);
}
