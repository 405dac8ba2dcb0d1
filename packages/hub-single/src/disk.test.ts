import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TokenFile } from "./backplane/token-file.ts";
import { type DataFolder, durabilityOf, openDataFolder } from "./data-folder.ts";
import { type Disk, SlowedDisk, type Stopwatch } from "./disk.ts";

/** Time passes only while somebody sleeps, and a little less than asked for, as with a timer that fires early. */
class HandStopwatch implements Stopwatch {
  time = 0;
  readonly slept: number[] = [];
  nowMs = () => this.time;
  sleep(ms: number): Promise<void> {
    this.slept.push(ms);
    this.time += ms > 1 ? ms - 0.5 : ms;
    return Promise.resolve();
  }
}

describe("SlowedDisk", () => {
  it("waits for what is left of the floor, counted from the begin of the sync, and not for less", async () => {
    const stopwatch = new HandStopwatch();
    const disk = new SlowedDisk(5, stopwatch);
    const result = await disk.sync(async () => {
      stopwatch.time += 2;
      return "written";
    });
    expect(result).toBe("written");
    expect(stopwatch.slept).toEqual([3, 1]);
    expect(stopwatch.time).toBeGreaterThanOrEqual(5);
  });

  it("does not wait for a sync that took longer", async () => {
    const stopwatch = new HandStopwatch();
    await new SlowedDisk(5, stopwatch).sync(async () => {
      stopwatch.time += 7;
    });
    expect(stopwatch.slept).toEqual([]);
  });

  it("does one sync after the other, also after one that failed", async () => {
    const stopwatch = new HandStopwatch();
    const disk = new SlowedDisk(10, stopwatch);
    const begunMs: number[] = [];
    const begin = async () => void begunMs.push(stopwatch.time);
    const failed = disk.sync(() => Promise.reject(new Error("disk full")));
    await Promise.all([expect(failed).rejects.toThrow("disk full"), disk.sync(begin), disk.sync(begin)]);
    expect(begunMs).toHaveLength(2);
    expect((begunMs[1] as number) - (begunMs[0] as number)).toBeGreaterThanOrEqual(10);
  });
});

describe("a data folder on a slowed disk", () => {
  const syncs: string[] = [];
  const counting: Disk = {
    fsyncFloorMs: 3,
    async sync(work) {
      syncs.push("begin");
      const result = await work();
      syncs.push("end");
      return result;
    },
  };
  let path = "";
  let folder: DataFolder;
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), "hubscale-disk-"));
    folder = await openDataFolder(path, counting);
    syncs.length = 0;
  });
  afterEach(async () => {
    await folder.db.close();
    await rm(path, { recursive: true });
  });

  it("sends every synced write through the disk, and only those", async () => {
    await folder.db.put("a", "1", { sync: true });
    await folder.db.batch([{ type: "put", key: "b", value: "2" }], { sync: true });
    await folder.db.del("a", { sync: true });
    const chained = folder.db.batch().put("c", "3");
    await chained.write({ sync: true });
    expect(syncs).toHaveLength(8);
    await folder.db.put("d", "4");
    await folder.db.batch([{ type: "put", key: "e", value: "5" }]);
    await folder.db.batch().put("f", "6").write();
    expect(syncs).toHaveLength(8);
    expect(await folder.db.keys().all()).toEqual(["b", "c", "d", "e", "f"]);
    expect(await folder.db.getMany(["b", "c", "f"])).toEqual(["2", "3", "6"]);
  });

  it("syncs the token file and its folder there too", async () => {
    const tokens = await TokenFile.open(path, folder.disk);
    await tokens.register("agent-1", "hash");
    expect(syncs).toHaveLength(4);
  });

  it("says so", async () => {
    expect((await durabilityOf(folder)).how).toContain("3 ms or longer (--fsync-floor-ms)");
  });
});
