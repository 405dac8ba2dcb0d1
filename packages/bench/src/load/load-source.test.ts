import { ManualClock } from "@hubscale/sidecar-sim";
import { expect, test } from "vitest";
import { ClosedLoad, sendOnSchedule } from "./load-source.ts";

test("an open load is sent at its times, and what a late wake-up missed is sent at once, none dropped", async () => {
  const clock = new ManualClock();
  const sent: { intended: number; at: number }[] = [];
  const over = sendOnSchedule(clock, 100, [0, 5, 5, 300], (intended) => {
    sent.push({ intended, at: clock.monotonicMs() });
    // The process is held up: time passes while it sends.
    if (intended === 100) clock.advance(50);
  });
  clock.advance(1_000);
  await over;
  expect(sent.map((s) => s.intended)).toEqual([100, 105, 105, 400]);
  expect(sent.map((s) => s.at)).toEqual([100, 150, 150, 400]);
});

test("the signal ends an endless load", async () => {
  const clock = new ManualClock();
  const stop = new AbortController();
  let sent = 0;
  function* endless() {
    for (let at = 0; ; at += 1_000) yield at;
  }
  const over = sendOnSchedule(clock, 0, endless(), () => sent++, stop.signal);
  clock.advance(2_500);
  stop.abort();
  clock.advance(500);
  await over;
  clock.advance(10_000);
  expect(sent).toBe(3);
});

test("a closed load replaces what ended until its end, and what was refused a little later", async () => {
  const clock = new ManualClock();
  let sent = 0;
  const load = new ClosedLoad(clock, 1_000, () => sent++);
  const over = load.run(3);
  expect(sent).toBe(3);
  load.ended();
  expect(sent).toBe(4);
  load.refused();
  expect(sent).toBe(4);
  clock.advance(100);
  expect(sent).toBe(5);
  clock.advance(900);
  await over;
  load.ended();
  expect(sent).toBe(5);
});
