import { array, assert, constantFrom, property } from "fast-check";
import { describe, expect, it } from "vitest";
import { arraysWithin } from "./message-parts.ts";

describe("arraysWithin", () => {
  it("is one array while it is small", () => {
    expect(arraysWithin(1_000, [{ a: 1 }, "two"])).toEqual(['[{"a":1},"two"]']);
  });

  it("keeps every item, in order, in arrays within the limit unless an item alone is above it", () => {
    const items = array(constantFrom("a", "é".repeat(7), "語".repeat(20), { deep: ["x".repeat(30)] }), {
      minLength: 1,
      maxLength: 40,
    });
    assert(
      property(items, constantFrom(10, 40, 64, 200), (all, limitBytes) => {
        const arrays = arraysWithin(limitBytes, all);
        expect(arrays.flatMap((text) => JSON.parse(text) as unknown[])).toEqual(all);
        for (const text of arrays) {
          const count = (JSON.parse(text) as unknown[]).length;
          expect(count === 1 || Buffer.byteLength(text) <= limitBytes + 1).toBe(true);
        }
      }),
    );
  });
});
