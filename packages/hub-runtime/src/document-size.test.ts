import { array, assert, constantFrom, nat, property } from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesAbove, jsonBytesOf, refuseAbove } from "./document-size.ts";

/** What grows most when JSON is read and written again, and what is written in more bytes than characters. */
const GROWING = ["1e20", "9E20", "1e-6", "-1e20", '"\\ud800"', '"é"', '"語"', '"\\u0001"', "{}", "[]", "0", "null"];

describe("bytesAbove", () => {
  it("misses no value that is above the limit, however it was written", () => {
    const texts = array(constantFrom(...GROWING), { maxLength: 60 }).map((parts) => `[${parts.join(",")}]`);
    assert(
      property(texts, (text) => {
        const value: unknown = JSON.parse(text);
        const bytes = jsonBytesOf(value);
        return bytesAbove(bytes - 1, value, text.length) === bytes && bytesAbove(bytes, value, text.length) === 0;
      }),
    );
    const texts16 = array(nat({ max: 0xffff }), { maxLength: 40 }).map((codes) => String.fromCharCode(...codes));
    expect(bytesAbove(1, "12", 4)).toBe(4);
    assert(
      property(texts16, (value) => {
        const text = JSON.stringify(value);
        return bytesAbove(jsonBytesOf(value) - 1, value, text.length) === jsonBytesOf(value);
      }),
    );
  });

  it("counts a missing value as nothing", () => {
    expect(bytesAbove(10, undefined, 1_000)).toBe(0);
  });
});

describe("refuseAbove", () => {
  it("names the limit", () => {
    const value = "x".repeat(100);
    expect(() => refuseAbove(102, value, 102)).not.toThrow();
    expect(() => refuseAbove(101, value, 102)).toThrow(
      expect.objectContaining({ code: "payload_too_large", limitBytes: 101, message: expect.stringContaining("102 bytes") }),
    );
  });
});
