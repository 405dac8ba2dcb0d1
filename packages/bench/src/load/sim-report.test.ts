import { expect, test } from "vitest";
import { connectedLine, timeScaleNotes } from "./sim-report.ts";

const load = { cpuSeconds: 1, rssBytes: 30 * 2 ** 20, rssAtStartBytes: 20 * 2 ** 20, loopDelayMsP99: 1 };

test("says how fast all were connected and what each keeps, over all processes", () => {
  expect(connectedLine(1024, 2_000, [load])).toBe(
    "all connected in 2.0 s (512/s) · memory 10.0 KiB per agent (resident, over that before the first connection)",
  );
  expect(connectedLine(2048, 2_000, [load, load])).toMatch(/1024\/s\).*memory 10.0 KiB.* 2 processes$/);
});

test("names the limits of a hub that a time scale touches, and no others", () => {
  expect(timeScaleNotes(1)).toEqual([]);
  expect(timeScaleNotes(0.5)).toEqual([expect.stringContaining("slow motion")]);
  expect(timeScaleNotes(60)).toEqual([expect.stringContaining("not scaled")]);
  expect(timeScaleNotes(61)).toEqual([expect.stringContaining("122 times a minute"), expect.stringContaining("not scaled")]);
});
