import { LIMITS } from "@hubscale/protocol";
import { describe, expect, it } from "vitest";
import { submissionKeyOf } from "./submission-key.ts";

const of = (header: string, agentId = "a", body: unknown = { description: "x" }) => submissionKeyOf(header, { agentId, body });

describe("submissionKeyOf", () => {
  it("takes a quoted string and a bare word for the same key", () => {
    expect(of('"8e03978e-40d5"')).toEqual(of("8e03978e-40d5"));
    expect(of('"a \\"b\\" \\\\"')?.hash).toMatch(/^[0-9a-f]{64}$/);
  });

  it("keeps apart what two submitters call alike, and two bodies under one key", () => {
    expect(of("k", "a")?.hash).not.toBe(of("k", "b")?.hash);
    expect(of("k", "a")?.fingerprint).toBe(of("other", "b")?.fingerprint);
    expect(of("k", "a", { description: "y" })).toMatchObject({ hash: of("k")?.hash });
    expect(of("k", "a", { description: "y" })?.fingerprint).not.toBe(of("k")?.fingerprint);
  });

  it("refuses what is no key, or too long", () => {
    const tooLong = "x".repeat(LIMITS.submissionKeyChars + 1);
    for (const header of ["", '""', '"', '"open', "two words", "a,b", '"a", "b"', "é", '"\u0001"', tooLong, `"${tooLong}"`]) {
      expect(of(header), header).toBeNull();
    }
    expect(of(tooLong.slice(1))).not.toBeNull();
  });
});
