import { describe, expect, it } from "vitest";
import { durabilityRefusal } from "./durability.ts";

const found = (level: "fsync" | "process" | undefined) => ({ level, how: "CONFIG GET: seen", redisVersion: "7.0.15" });

describe("durabilityRefusal", () => {
  it("lets a Redis pass that gives at least what is wanted", () => {
    expect(durabilityRefusal("fsync", found("fsync"))).toBeUndefined();
    expect(durabilityRefusal("process", found("fsync"))).toBeUndefined();
    expect(durabilityRefusal("process", found("process"))).toBeUndefined();
  });

  it("says what was seen and which settings to change otherwise", () => {
    expect(durabilityRefusal("fsync", found("process"))).toMatch(/CONFIG GET: seen.*CONFIG SET appendfsync always/);
    expect(durabilityRefusal("process", found(undefined))).toMatch(/CONFIG SET appendonly yes$/);
    expect(durabilityRefusal("fsync", found(undefined))).toMatch(/CONFIG SET appendonly yes; CONFIG SET appendfsync always/);
  });
});
