import { appendFile, cp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assert, integer, nat, pre, property } from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { openDataFolder } from "../data-folder.ts";
import { temporaryFolder } from "../testing/desk-in-folder.ts";
import { crc32c, damageIn } from "./log-check.ts";

/** Rows of some kilobytes, so that records go over the ends of blocks. */
const ROWS = 40;
const rowText = (row: number) => `${row} `.repeat(700 + 37 * row);

/** A store with rows in its log, closed; each test damages a copy. */
let path: string;
let log: Buffer;
let copies: string[] = [];

beforeAll(async () => {
  path = await temporaryFolder();
  const folder = await openDataFolder(path);
  for (let row = 0; row < ROWS; row++) await folder.db.put(`row/${row}`, rowText(row), { sync: true });
  await folder.close();
  log = await readFile(logOf(path, await logName(path)));
});

afterEach(async () => {
  for (const copy of copies) await rm(copy, { recursive: true });
  copies = [];
});

afterAll(() => rm(path, { recursive: true }));

it("knows the checksum of RFC 3720", () => {
  expect(crc32c(new Uint8Array(32))).toBe(0x8a91_36aa);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, n) => n))).toBe(0x46dd_794e);
});

describe("a log of LevelDB", () => {
  it("is whole as it was written, and where a crash cut it off", () => {
    expect(log.length).toBeGreaterThan(3 * 32_768);
    expect(damageIn(log)).toBeUndefined();
    assert(
      property(nat(log.length), (bytes) => {
        expect(damageIn(log.subarray(0, bytes))).toBeUndefined();
      }),
    );
  });

  it("is damaged where any byte was changed and another write follows", () => {
    const lastWrite = log.length - 2 * rowText(ROWS - 1).length;
    assert(
      property(nat(lastWrite), integer({ min: 1, max: 255 }), (at, change) => {
        pre(!isFiller(at));
        const changed = Uint8Array.from(log);
        changed[at] = (changed[at] as number) ^ change;
        expect(damageIn(changed)).toBeLessThanOrEqual(at);
      }),
      { numRuns: 60 },
    );
  });

  it("may end in what a crash left of a write, but not before what is known to be on the disk", () => {
    const torn = Buffer.concat([log, Buffer.alloc(5_000)]);
    expect(damageIn(torn, log.length)).toBeUndefined();
    expect(damageIn(torn, torn.length)).toBe(log.length);
  });
});

describe("a store", () => {
  it.each<[damage: string, says: string, harm: (copy: string, name: string) => Promise<void>]>([
    [
      "a page of its log was zeroed",
      "cannot be read at byte",
      (copy, name) => rewrite(copy, name, (bytes) => bytes.fill(0, 40_000, 44_096)),
    ],
    [
      "the end of its log was changed",
      "cannot be read at byte",
      (copy, name) => rewrite(copy, name, (bytes) => bytes.fill(7, bytes.length - 9)),
    ],
    ["its log was cut off", "was cut off at 50000 of", (copy, name) => truncate(logOf(copy, name), 50_000)],
    ["its log is gone", "is gone", (copy, name) => rm(logOf(copy, name))],
    ["its CURRENT is gone", "CURRENT is gone", (copy) => rm(join(copy, "leveldb", "CURRENT"))],
    ["all of it is gone", "its files are gone", (copy) => rm(join(copy, "leveldb"), { recursive: true })],
  ])("is refused when %s", async (_damage, says, harm) => {
    const copy = await copied();
    await harm(copy, await logName(copy));
    await expect(openDataFolder(copy)).rejects.toMatchObject({ code: "store_corrupt", message: expect.stringContaining(says) });
    // Nothing was touched: the next start refuses too.
    await expect(openDataFolder(copy)).rejects.toMatchObject({ code: "store_corrupt" });
  });

  it("is taken with all its rows when a crash cut off a write that nobody was told of", async () => {
    const copy = await copied();
    await appendFile(logOf(copy, await logName(copy)), Buffer.from("0123456789"));
    const folder = await openDataFolder(copy);
    expect(await folder.db.keys().all()).toHaveLength(ROWS);
    await folder.close();
  });

  it("is taken without a mark, or with one that a loss of power spoilt", async () => {
    const copy = await copied();
    for (const spoil of [() => writeFile(join(copy, "store-mark.json"), '{"pid":'), () => rm(join(copy, "store-mark.json"))]) {
      await spoil();
      const folder = await openDataFolder(copy);
      expect(await folder.db.keys().all()).toHaveLength(ROWS);
      await folder.close();
    }
  });

  it("is taken after a crash that came before the next look, and after its log was taken over by a newer one", async () => {
    const folder = await openDataFolder(await copied());
    for (let row = 0; row < 1_000; row++) await folder.db.put(`more/${row}`, rowText(20), { sync: row === 999 });
    expect(Number.parseInt(await logName(folder.path))).toBeGreaterThan(Number.parseInt(await logName(path)) + 1);
    await folder.db.close();
    const again = await openDataFolder(folder.path);
    expect(await again.db.keys().all()).toHaveLength(ROWS + 1_000);
    await again.close();
  });
});

async function copied(): Promise<string> {
  const copy = await temporaryFolder();
  copies.push(copy);
  await cp(path, copy, { recursive: true });
  return copy;
}

async function logName(folder: string): Promise<string> {
  const logs = (await readdir(join(folder, "leveldb"))).filter((name) => name.endsWith(".log"));
  return logs.sort().at(-1) as string;
}

function logOf(folder: string, name: string): string {
  return join(folder, "leveldb", name);
}

async function rewrite(folder: string, name: string, change: (bytes: Buffer) => unknown): Promise<void> {
  const bytes = await readFile(logOf(folder, name));
  change(bytes);
  await writeFile(logOf(folder, name), bytes);
}

/** The last bytes of a block, too few for a header, hold nothing. */
function isFiller(at: number): boolean {
  const blockEnd = at - (at % 32_768) + 32_768;
  return blockEnd - at < 7 && log.subarray(at, blockEnd).every((byte) => byte === 0);
}
