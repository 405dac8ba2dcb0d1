import { expect, test } from "vitest";
import { ManualClock } from "./manual-clock.ts";
import { TimerWheel } from "./timer-wheel.ts";

function wheelAt10ms() {
  const clock = new ManualClock();
  return { clock, wheel: new TimerWheel(clock, 10) };
}

test("fires within a tick of its time, never early, also many turns of the wheel later", () => {
  const { clock, wheel } = wheelAt10ms();
  const delays = [0, 1, 9, 10, 11, 95, 5_119, 5_120, 5_121, 30_000, 123_456];
  const fired = new Map<number, number>();
  clock.advance(3);
  for (const delay of delays) wheel.after(delay, () => fired.set(delay, clock.monotonicMs() - 3));
  clock.advance(200_000);
  for (const delay of delays) {
    expect(fired.get(delay)).toBeGreaterThanOrEqual(delay);
    expect(fired.get(delay)).toBeLessThanOrEqual(delay + 17);
  }
});

test("a cancelled timer does not fire", () => {
  const { clock, wheel } = wheelAt10ms();
  const fired: string[] = [];
  wheel.after(50, () => fired.push("cancelled")).cancel();
  wheel.after(50, () => fired.push("kept"));
  clock.advance(100);
  expect(fired).toEqual(["kept"]);
});

test("a timer may set another from within, and nothing fires after the close", () => {
  const { clock, wheel } = wheelAt10ms();
  let count = 0;
  const again = () => {
    count++;
    wheel.after(100, again);
  };
  wheel.after(100, again);
  clock.advance(1_005);
  // 100 ms and up to one tick each.
  expect(count).toBeGreaterThanOrEqual(9);
  expect(count).toBeLessThanOrEqual(10);
  wheel.close();
  const before = count;
  clock.advance(10_000);
  expect(count).toBe(before);
});

test("every: as often as asked, whatever the tick, without catching up on what was missed", () => {
  const { clock, wheel } = wheelAt10ms();
  const at: number[] = [];
  clock.advance(7);
  const timer = wheel.every(25, () => at.push(clock.monotonicMs()));
  clock.advance(1_010);
  expect(at).toHaveLength(40);
  timer.cancel();
  clock.advance(1_000);
  expect(at).toHaveLength(40);
});
