import { describe, expect, it } from "vitest";
import { durabilityOf, durabilityRefusal } from "./durability.ts";

const strict = {
  appendonly: "yes",
  appendfsync: "always",
  "no-appendfsync-on-rewrite": "no",
  maxmemory: "0",
  "maxmemory-policy": "noeviction",
};
const lax = { ...strict, appendfsync: "everysec" };
const evicting = { ...strict, maxmemory: "8388608", "maxmemory-policy": "allkeys-lru" };

describe("durabilityOf", () => {
  it.each([
    [strict, "fsync"],
    [lax, "process"],
    [{ ...strict, appendfsync: "no" }, "process"],
    [{ ...strict, "no-appendfsync-on-rewrite": "yes" }, "process"],
    [{ ...strict, appendonly: "no" }, undefined],
    [{}, undefined],
    [{ ...strict, maxmemory: "8388608" }, "fsync"],
    [{ ...strict, "maxmemory-policy": "allkeys-lru" }, "fsync"],
    [evicting, undefined],
    [{ ...evicting, "maxmemory-policy": "volatile-ttl" }, undefined],
    [{ ...strict, maxmemory: "8388608", "maxmemory-policy": "policy-of-tomorrow" }, undefined],
  ])("%o is %s", (settings, level) => {
    expect(durabilityOf(settings).level).toBe(level);
  });
});

describe("durabilityRefusal", () => {
  it("lets a Redis pass that gives at least what is wanted", () => {
    expect(durabilityRefusal("fsync", durabilityOf(strict))).toBeUndefined();
    expect(durabilityRefusal("process", durabilityOf(strict))).toBeUndefined();
    expect(durabilityRefusal("process", durabilityOf(lax))).toBeUndefined();
  });

  it("says what was seen and which settings to change otherwise", () => {
    const nothing = durabilityOf({ ...strict, appendonly: "no" });
    expect(durabilityRefusal("fsync", durabilityOf(lax))).toMatch(/CONFIG GET: .*everysec.*CONFIG SET appendfsync always/);
    expect(durabilityRefusal("process", nothing)).toMatch(/CONFIG SET appendonly yes$/);
    expect(durabilityRefusal("fsync", nothing)).toMatch(/CONFIG SET appendonly yes; CONFIG SET appendfsync always/);
  });

  it("refuses a Redis that evicts at every level, with the policy to set", () => {
    for (const wanted of ["fsync", "process"] as const) {
      expect(durabilityRefusal(wanted, durabilityOf(evicting))).toMatch(
        /maxmemory-policy allkeys-lru.*evicts.*CONFIG SET maxmemory-policy noeviction$/,
      );
    }
  });
});
