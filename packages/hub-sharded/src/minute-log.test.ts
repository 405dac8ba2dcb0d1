import { expect, it } from "vitest";
import { MinuteLog } from "./minute-log.ts";

it("tells each cause once a minute", () => {
  const lines: string[] = [];
  let nowMs = 0;
  const log = new MinuteLog(
    (line) => lines.push(line),
    () => nowMs,
  );
  for (const atMs of [0, 1, 59_999, 60_000, 60_001]) {
    nowMs = atMs;
    log.tell("full", `full at ${atMs}`);
    if (atMs === 1) log.tell("gone", "gone");
  }
  expect(lines).toEqual(["full at 0", "gone", "full at 60000"]);
});
