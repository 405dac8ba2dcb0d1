import { describe, expect, it } from "vitest";
import { placeOf, TaskIds, taskIdOf } from "./task-id.ts";

describe("a task id", () => {
  it("is 16 hex digits that name the routing class and the shard", () => {
    const id = taskIdOf(0xabc, "0123456789ab");
    expect(id).toBe("task-0abc0123456789ab");
    expect(placeOf(id, 4)).toEqual({ classNumber: 0xabc, shard: 0x456789ab % 4 });
    expect(placeOf(id, 1)).toEqual({ classNumber: 0xabc, shard: 0 });
  });

  it("spreads over all shards", () => {
    const shards = new Set(
      Array.from({ length: 64 }, (_, n) => placeOf(taskIdOf(0, n.toString(16).padStart(12, "0")), 8)?.shard),
    );
    expect(shards).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7]));
  });

  it("is made of new digits each time", () => {
    let drawn = 0;
    const nextByte = () => (drawn++ % 256).toString(16).padStart(2, "0");
    const ids = new TaskIds((byteCount) => Array.from({ length: byteCount }, nextByte).join(""));
    const given = Array.from({ length: 150 }, () => ids.next(1));
    expect(given.slice(0, 2)).toEqual(["task-0001000102030405", "task-0001060708090a0b"]);
    expect(drawn).toBe(3 * 64 * 6);
    expect(given.every((id) => placeOf(id, 4)?.classNumber === 1)).toBe(true);
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
