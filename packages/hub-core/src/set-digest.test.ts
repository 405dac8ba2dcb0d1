import * as fc from "fast-check";
import { expect, it } from "vitest";
import { SetDigest, textHashOf } from "./set-digest.ts";

const digestOf = (texts: Iterable<string>) => {
  const digest = new SetDigest();
  for (const text of texts) digest.toggle(textHashOf(text));
  return digest.toString();
};

it("is the same for the same set, in whatever order it came about", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string()), fc.uniqueArray(fc.string()), (texts, others) => {
      const wanted = digestOf(new Set(texts));
      expect(digestOf([...texts].reverse())).toBe(wanted);
      expect(digestOf([...others, ...texts, ...others])).toBe(wanted);
      const isSame = texts.length === others.length && texts.every((text) => others.includes(text));
      expect(digestOf(others) === wanted).toBe(isSame);
    }),
  );
});

it("tells sets that differ by little", () => {
  const seen = new Set<string>();
  for (let n = 0; n < 300; n++) {
    for (const state of ["idle", "busy"]) for (let m = 0; m < 10; m++) seen.add(digestOf([`a${n} ${state}`, `b${m} idle`]));
  }
  // The same change in both of two texts does not cancel out.
  expect(digestOf(["a1 idle", "b1 busy"])).not.toBe(digestOf(["a1 busy", "b1 idle"]));
  expect(seen.size).toBe(6_000);
  expect(digestOf([])).toMatch(/^0{16}$/);
});
