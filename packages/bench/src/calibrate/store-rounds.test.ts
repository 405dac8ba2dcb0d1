import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { batchCount, timeRounds } from "./store-rounds.ts";
import type { Operation, TimedStore } from "./timed-store.ts";

const folder = mkdtempSync(join(tmpdir(), "store-rounds-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

class NamedStore implements TimedStore {
  readonly rowBytes = 10;
  readonly name: string;
  readonly rows: number;
  readonly log: string[];
  constructor(name: string, rows: number, log: string[]) {
    this.name = name;
    this.rows = rows;
    this.log = log;
  }
  fill = () => Promise.resolve();
  fileBytes = () => Promise.resolve(0);
  close = () => Promise.resolve();
  time(operation: Operation, count: number): Promise<number> {
    this.log.push(`${this.name} ${operation}`);
    return Promise.resolve(count);
  }
}

it("lets the stores take turns at each operation, after a warm-up, and first reads, then writes", async () => {
  const log: string[] = [];
  const [twin, dets] = [new NamedStore("twin", 5, log), new NamedStore("dets", 5, log)];
  const rounds = await timeRounds({ twin, dets, folder, rounds: 2, untilMs: 1, nowMs: () => 0 });
  const both = (...names: string[]) => names.flatMap((name) => [`twin ${name}`, `dets ${name}`]);
  const [reads, writes] = [both("lookup", "fold"), both("insertSync", "insert")];
  expect(log).toEqual([...reads, ...reads, ...reads, ...writes, ...writes, ...writes]);
  expect(rounds).toHaveLength(2);
  expect(rounds[0]?.twin.insert).toEqual({ ms: 50, count: 50 });
  expect(rounds[0]?.appendSyncMs).toBeGreaterThan(0);
});

it("reads nothing in an empty table, and does without DETS", async () => {
  const log: string[] = [];
  const options = { twin: new NamedStore("twin", 0, log), dets: undefined, folder, rounds: 1, untilMs: 1, nowMs: () => 0 };
  const [round] = await timeRounds(options);
  expect(Object.keys(round?.twin ?? {})).toEqual(["insertSync", "insert"]);
  expect(round?.dets).toBeUndefined();
});

it("stops when the time is over, but not before there is an interval", async () => {
  const options = { twin: new NamedStore("twin", 1, []), dets: undefined, folder, rounds: 50, untilMs: 0, nowMs: () => 1 };
  expect(await timeRounds(options)).toHaveLength(3);
});

it("makes batches of about 50 ms, of at least one and at most the limit", () => {
  expect(batchCount(20, 20, 200)).toBe(50);
  expect(batchCount(500, 1, 20)).toBe(1);
  expect(batchCount(0, 50, 500)).toBe(500);
});
