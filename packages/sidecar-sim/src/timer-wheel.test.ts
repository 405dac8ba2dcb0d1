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

test("an alarm fires once, the delay after it was last set, and may be set again when it has fired", () => {
  const { clock, wheel } = wheelAt10ms();
  const at: number[] = [];
  const alarm = wheel.alarm(100, () => at.push(clock.monotonicMs()));
  clock.advance(500);
  expect(alarm.isSet).toBe(false);
  alarm.set();
  clock.advance(60);
  alarm.set();
  expect(alarm.isSet).toBe(true);
  clock.advance(1_000);
  expect(at).toEqual([660]);
  expect(alarm.isSet).toBe(false);
  alarm.set();
  clock.advance(1_000);
  expect(at).toEqual([660, 1660]);
});

test("an alarm that was cancelled and set again counts from the last time, many turns of the wheel later too", () => {
  const { clock, wheel } = wheelAt10ms();
  const at: number[] = [];
  const alarm = wheel.alarm(10_000, () => at.push(clock.monotonicMs()));
  for (let i = 0; i < 300; i++) {
    alarm.set();
    clock.advance(50);
    alarm.cancel();
  }
  clock.advance(20_000);
  expect(at).toEqual([]);
  alarm.set();
  clock.advance(9_990);
  expect(at).toEqual([]);
  clock.advance(20);
  expect(at).toHaveLength(1);
});

test("timers of one tick fire in the order in which they were set", () => {
  const { clock, wheel } = wheelAt10ms();
  const fired: number[] = [];
  for (let i = 0; i < 5; i++) wheel.after(50, () => fired.push(i));
  clock.advance(100);
  expect(fired).toEqual([0, 1, 2, 3, 4]);
});
