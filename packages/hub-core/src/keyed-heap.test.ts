import * as fc from "fast-check";
import { expect, it } from "vitest";
import { KeyedHeap } from "./keyed-heap.ts";

const heapOf = (values: readonly number[]) => {
  const heap = new KeyedHeap<number>((a, b) => a < b);
  for (const value of values) heap.add(`${value}`, value);
  return heap;
};

it("gives its entries in order, whatever was removed between", () => {
  const operation = fc.oneof(
    fc.nat(40).map((value) => ({ add: value })),
    fc.nat(40).map((value) => ({ remove: value })),
    fc.constant({ remove: "head" as const }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 120, size: "max" }), (operations) => {
      const heap = heapOf([]);
      const model = new Set<number>();
      for (const each of operations) {
        const value = "add" in each ? each.add : each.remove === "head" ? Math.min(...model) : each.remove;
        const had = model.has(value);
        if ("remove" in each) model.delete(value);
        else model.add(value);
        if ("add" in each && !had) heap.add(`${value}`, value);
        expect("remove" in each && heap.remove(`${value}`)).toBe("remove" in each && had);
        expect(heap.size).toBe(model.size);
        expect(heap.head).toBe(model.size > 0 ? Math.min(...model) : undefined);
      }
    }),
  );
});

it("finds by key and refuses a key that is taken", () => {
  const heap = heapOf([3, 1, 2]);
  expect(heap.get("2")).toBe(2);
  expect(heap.has("9")).toBe(false);
  expect(heap.get("9")).toBeUndefined();
  expect(heap.remove("9")).toBe(false);
  expect(() => heap.add("2", 5)).toThrow('already has "2"');
  expect(heap.size).toBe(3);
});

it("compares a number of times that grows with the logarithm", () => {
  const comparisonsFor = (count: number) => {
    let comparisons = 0;
    const heap = new KeyedHeap<number>((a, b) => {
      comparisons++;
      return a < b;
    });
    for (let value = 0; value < count; value++) heap.add(`${value}`, value);
    for (let value = 0; value < count; value++) heap.remove(`${(value * 7919) % count}`);
    return comparisons / count;
  };
  const bound = (count: number) => 3 * Math.log2(count) + 3;
  expect(comparisonsFor(100)).toBeLessThan(bound(100));
  expect(comparisonsFor(10_000)).toBeLessThan(bound(10_000));
});
