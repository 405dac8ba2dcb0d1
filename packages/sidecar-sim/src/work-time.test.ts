import { expect, test } from "vitest";
import { seededRandom } from "./random.ts";
import { meanWorkMs, parseWorkTime, sampleWorkMs, type WorkTime } from "./work-time.ts";

test.each<[string, WorkTime]>([
  ["0", { kind: "constant", ms: 0 }],
  ["constant:2.5", { kind: "constant", ms: 2.5 }],
  ["exp:250", { kind: "exponential", meanMs: 250 }],
  ["exponential:250", { kind: "exponential", meanMs: 250 }],
  ["lognormal:250,0.8", { kind: "lognormal", medianMs: 250, sigma: 0.8 }],
])("reads %s", (text, work) => expect(parseWorkTime(text)).toEqual(work));

test.each([
  "",
  "fast",
  "-1",
  "exp:",
  "exp:1,2",
  "lognormal:250",
  "lognormal:0,1",
  "lognormal:1.34,50",
  "gauss:1",
  "1,2",
  "NaN",
])("refuses '%s'", (text) => expect(parseWorkTime(text)).toBeUndefined());

test.each(["86400001", "3000000000", "1e300", "Infinity", "exp:86400001", "lognormal:86400001,1", "lognormal:250,10.1"])(
  "refuses '%s', which is above a limit",
  (text) => expect(parseWorkTime(text)).toBeUndefined(),
);

test.each<WorkTime>([
  { kind: "constant", ms: 7 },
  { kind: "exponential", meanMs: 40 },
  { kind: "lognormal", medianMs: 40, sigma: 0.5 },
])("draws of $kind have the stated mean", (work) => {
  const random = seededRandom(11);
  let sum = 0;
  const draws = 40_000;
  for (let i = 0; i < draws; i++) sum += sampleWorkMs(work, random);
  expect(sum / draws / meanWorkMs(work)).toBeCloseTo(1, 1);
});

test("one seed and stream give one sequence, another stream another", () => {
  const take = (stream: number) => {
    const random = seededRandom(5, stream);
    return Array.from({ length: 5 }, random);
  };
  expect(take(1)).toEqual(take(1));
  expect(take(1)).not.toEqual(take(2));
  expect(Math.max(...take(3))).toBeLessThan(1);
});
