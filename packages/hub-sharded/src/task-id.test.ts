import { describe, expect, it } from "vitest";
import { newTaskId, placeOf } from "./task-id.ts";

const random = (hex: string) => () => hex;

describe("a task id", () => {
  it("is 16 hex digits that name the routing class and the shard", () => {
    const id = newTaskId(0xabc, random("0123456789ab"));
    expect(id).toBe("task-0abc0123456789ab");
    expect(placeOf(id, 4)).toEqual({ classNumber: 0xabc, shard: 0x456789ab % 4 });
    expect(placeOf(id, 1)).toEqual({ classNumber: 0xabc, shard: 0 });
  });

  it("spreads over all shards", () => {
    const shards = new Set(
      Array.from({ length: 64 }, (_, n) => placeOf(newTaskId(0, random(n.toString(16).padStart(12, "0"))), 8)?.shard),
    );
    expect(shards).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7]));
  });

  it.each([
    "",
    "task-",
    "task-0abc",
    "task-0ABC0123456789AB",
    "task-0abc0123456789ab0",
    "t:0abc0123456789ab",
    "task-0abc0123456789a\n",
  ])("that this hub never gave out has no place: %j", (id) => expect(placeOf(id, 4)).toBeUndefined());
});
