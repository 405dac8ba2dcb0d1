import { array, assert, constant, double, nat, oneof, property, record } from "fast-check";
import { expect, it } from "vitest";
import { seededRandom } from "../random.ts";
import { DueTimes } from "./due-times.ts";

const NEVER = Number.POSITIVE_INFINITY;

/** As a plain list would do it: the least of all times, and which parties have it. */
function leastOf(times: readonly number[]): { atMs: number; parties: number[] } {
  const atMs = Math.min(...times);
  return { atMs, parties: times.flatMap((time, party) => (time === atMs && atMs < NEVER ? [party] : [])) };
}

it("names the first party after any sequence of settings, as a plain list would", () => {
  const inMs = oneof(nat(50), constant(0), constant(NEVER), double({ min: 0, max: 1e7, noNaN: true }));
  const step = record({
    sets: array(record({ party: nat(19), inMs }), { maxLength: 5 }),
    untilMs: oneof(constant(NEVER), nat(100)),
  });
  assert(
    property(array(step, { maxLength: 200 }), (steps) => {
      const due = new DueTimes(20);
      const plain = Array.from({ length: 20 }, () => NEVER);
      for (const { sets, untilMs } of steps) {
        for (const { party, inMs: ms } of sets) {
          const atMs = due.nowMs + ms;
          due.set(party, atMs);
          plain[party] = atMs;
        }
        const { atMs, parties } = leastOf(plain);
        const untilHereMs = due.nowMs + untilMs;
        const party = due.next(untilHereMs);
        const isDue = parties.length > 0 && atMs <= untilHereMs;
        expect(isDue ? parties : [-1]).toContain(party);
        expect(isDue ? due.nowMs : atMs).toBe(atMs);
        if (isDue) plain[party] = NEVER;
      }
    }),
  );
});

it("keeps order while its days are made longer and shorter, and tells of each party before naming it", () => {
  const random = seededRandom(3, 0);
  const told = new Set<number>();
  const due = new DueTimes(300, (parties, count) => {
    for (let at = 0; at < count; at++) told.add(parties[at] as number);
  });
  const plain = Array.from({ length: 300 }, () => random() * 10);
  plain.forEach((atMs, party) => due.set(party, atMs));
  let untoldAtFirst = 0;
  for (let n = 0; n < 60_000; n++) {
    // Waits of some milliseconds, then of minutes, then of microseconds.
    const meanMs = [5, 300_000, 0.01][Math.floor(n / 20_000)] as number;
    const { atMs } = leastOf(plain);
    const party = due.next(NEVER);
    expect(plain[party]).toBe(atMs);
    if (!told.delete(party) && n < 20_000) untoldAtFirst++;
    plain[party] = atMs + random() * 2 * meanMs;
    due.set(party, plain[party] as number);
  }
  // All are untold until the first day, which is a third of a second, is found too long; then those set on the day itself.
  expect(untoldAtFirst).toBeLessThan(8_000);
});
