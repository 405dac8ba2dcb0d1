import { describe, expect, it } from "vitest";
import { parseFlags } from "./flags.ts";

describe("parseFlags", () => {
  it("defaults to the tuned hub with all fixes", () => {
    const parsed = parseFlags([]);
    expect(parsed).toMatchObject({
      ok: true,
      flags: { profile: "tuned", host: "127.0.0.1", port: 4000, rateLimits: "reference", fsyncFloorMs: 0 },
    });
    expect(parsed.ok && parsed.flags.fixes.size).toBe(11);
  });

  it("adds single fixes to the reference", () => {
    const parsed = parseFlags(["--profile", "reference", "--fix", "C1,C10"]);
    expect(parsed.ok && [...parsed.flags.fixes]).toEqual(["C1", "C10"]);
    const plain = parseFlags(["--profile", "reference"]);
    expect(plain.ok && plain.flags.fixes.size).toBe(0);
  });

  it.each([
    [["--fix", "C1"], "--fix adds single fixes to --profile reference"],
    [["--profile", "reference", "--fix", "C12"], 'not "C12"'],
    [["--profile", "fast"], 'not "fast"'],
    [["--port", "-1"], "--port"],
    [["--port", "65536"], "--port"],
    [["--seed-completed-rows", "1.5"], "--seed-completed-rows"],
    [["--retain-completed", ""], "--retain-completed"],
    [["--fsync-floor-ms", "0.5"], "--fsync-floor-ms must be a whole number from 0 to 1000"],
    [["--fsync-floor-ms", "1001"], "--fsync-floor-ms"],
    [["--unknown"], "--unknown"],
    [["stray"], "stray"],
  ])("refuses %j", (args, message) => {
    const parsed = parseFlags(args);
    expect(parsed).toMatchObject({ ok: false });
    expect(!parsed.ok && parsed.message).toContain(message);
  });
});
