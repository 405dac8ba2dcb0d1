import { array, assert, constant, nat, oneof, property, record } from "fast-check";
import { expect, it } from "vitest";
import { DueTimes } from "./due-times.ts";

it("names the first party after any sequence of settings, as a plain list would", () => {
  const setting = record({ party: nat(19), atMs: oneof(nat(50), constant(Number.POSITIVE_INFINITY)) });
  assert(
    property(array(setting, { maxLength: 200 }), (settings) => {
      const due = new DueTimes([3, 1, 7, 1, 8]);
      const plain = Array.from({ length: 20 }, () => Number.POSITIVE_INFINITY);
      for (const { party, atMs } of settings) {
        due.set(party, atMs);
        plain[party] = atMs;
        const least = Math.min(...plain);
        expect(due.firstMs).toBe(least);
        expect(due.first === -1 ? Number.POSITIVE_INFINITY : plain[due.first]).toBe(least);
      }
    }),
  );
});
