import { expect, it } from "vitest";
import { sampleId, taskSample } from "./task-sample.ts";

it("has the size that was asked for, whatever its number", () => {
  for (const n of [1, 99, 50_000]) expect(Buffer.byteLength(JSON.stringify(taskSample(n, 2_200)))).toBe(2_200);
});

it("is a completed task with an id of the contract's form, another for each number", () => {
  const task = taskSample(3, 2_000);
  expect(task).toMatchObject({ status: "completed", generation: 1, assigned_to: "agent-7" });
  const ids = Array.from({ length: 1_000 }, (_, n) => sampleId(n));
  expect(new Set(ids).size).toBe(1_000);
  for (const id of ids) expect(id).toMatch(/^task-[0-9a-f]{16}$/);
});

it("says other words in each row, the same in each run", () => {
  expect(taskSample(1, 2_200).description).not.toBe(taskSample(2, 2_200).description);
  expect(taskSample(5, 2_200)).toEqual(taskSample(5, 2_200));
});
