import { readdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { durabilityOf, fileBytes, KEYS, openDataFolder } from "./data-folder.ts";
import { seedCompletedRows } from "./table/completed-seed.ts";
import { readStoredRows } from "./table/task-row.ts";
import { temporaryFolder } from "./testing/desk-in-folder.ts";

let path: string;

beforeEach(async () => {
  path = await temporaryFolder();
});

afterEach(() => rm(path, { recursive: true }));

describe("openDataFolder", () => {
  it("makes the folder, and lets no second hub in", async () => {
    const folder = await openDataFolder(join(path, "new"));
    await expect(openDataFolder(join(path, "new"))).rejects.toMatchObject({ code: "data_folder_in_use" });
    await folder.db.close();
    await (await openDataFolder(join(path, "new"))).db.close();
  });

  it("refuses a folder that cannot be made", async () => {
    await writeFile(join(path, "file"), "");
    await expect(openDataFolder(join(path, "file", "data"))).rejects.toMatchObject({ code: "data_folder_unusable" });
    // Where Node's own way of making a folder with its parents would not come back.
    await expect(openDataFolder("/proc/no/data")).rejects.toMatchObject({ code: "data_folder_unusable" });
  });

  it("refuses a damaged store", async () => {
    const folder = await openDataFolder(path);
    await folder.db.put("key", "value", { sync: true });
    await folder.db.close();
    const manifest = (await readdir(join(path, "leveldb"))).find((name) => name.startsWith("MANIFEST"));
    await truncate(join(path, "leveldb", manifest as string), 3);
    await expect(openDataFolder(path)).rejects.toMatchObject({ code: "store_corrupt" });
  });
});

describe("a data folder", () => {
  it("says how durable it is, and how large", async () => {
    const folder = await openDataFolder(path);
    await folder.db.put("key", "x".repeat(1_000), { sync: true });
    expect(await fileBytes(folder)).toBeGreaterThan(1_000);
    expect((await durabilityOf(folder)).how).not.toBe("");
    await folder.db.close();
  });

  it.each([
    ["no JSON", "{"],
    ["no task", "{}"],
    ["another task", JSON.stringify({ id: "task-2", status: "queued", generation: 0 })],
  ])("is refused as a whole when a row is %s", async (_, text) => {
    const folder = await openDataFolder(path);
    await folder.db.put(`${KEYS.task}task-1`, text);
    await expect(readStoredRows(folder.db)).rejects.toMatchObject({ code: "store_corrupt" });
    await folder.db.close();
  });

  it("can be given a past: the same completed rows each time, of the size that a real one has", async () => {
    const folder = await openDataFolder(path);
    await seedCompletedRows(folder.db, 1_500, 1_800_000_000_000);
    await seedCompletedRows(folder.db, 1_500, 1_800_000_500_000);
    const rows = await readStoredRows(folder.db);
    expect(rows.live).toEqual([]);
    expect(rows.completed).toHaveLength(1_500);
    expect(Math.max(...rows.completed.map((row) => row.updated_at))).toBeLessThan(1_800_000_500_000);
    const texts = await folder.db.values({ limit: 500 }).all();
    const bytes = texts.reduce((sum, text) => sum + text.length, 0) / texts.length;
    expect(bytes).toBeGreaterThan(1_450);
    expect(bytes).toBeLessThan(1_750);
    await folder.db.close();
  });
});
