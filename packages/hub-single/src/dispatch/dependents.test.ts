import { TIMERS } from "@hubscale/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDataFolder } from "../data-folder.ts";
import { ALL_FIXES, type Fixes } from "../fixes.ts";
import { DeskInFolder } from "../testing/desk-in-folder.ts";

const NO_FIXES: Fixes = new Set();

describe.each([
  ["no fixes", NO_FIXES],
  ["all fixes", ALL_FIXES],
])("the desk with %s", (_, fixes) => {
  let hub: DeskInFolder;

  beforeEach(async () => {
    hub = await DeskInFolder.open({ fixes });
  });

  afterEach(() => hub.remove());

  it("makes dead letters of what waits for a cancelled task, also when the hub ended before it could", async () => {
    const dependency = await hub.submit();
    const dependent = await hub.submit({ depends_on: [dependency.id] });
    const last = await hub.submit({ depends_on: [dependent.id] });
    const other = await hub.submit();
    const waiting = await hub.submit({ depends_on: [other.id] });
    await hub.close();
    // As a kill leaves it: the row is gone and nobody was told.
    const { db } = await openDataFolder(hub.folder.path);
    await db.del(`task/${dependency.id}`);
    await db.close();
    hub = await DeskInFolder.open({ fixes, path: hub.folder.path, clock: hub.clock });
    for (const { id } of [dependent, last]) {
      await expect.poll(() => hub.desk.find(id)).toMatchObject({ status: "dead_letter" });
      expect(await hub.desk.find(id)).toMatchObject({ last_error: `dependency_cancelled: ${dependency.id}` });
      expect(await hub.desk.command(id, "retry")).toBeUndefined();
    }
    expect(await hub.desk.find(waiting.id)).toMatchObject({ status: "queued" });
    await hub.desk.command(other.id, "cancel");
    await expect.poll(() => hub.desk.find(waiting.id)).toMatchObject({ last_error: `dependency_cancelled: ${other.id}` });
  });

  it("makes a dead letter again of one that is retried and whose dependency was cancelled meanwhile", async () => {
    const dependency = await hub.submit();
    const dependent = await hub.submit({ depends_on: [dependency.id], complexity_tier: "standard" });
    hub.clock.advance(TIMERS.queuedTtlMs + TIMERS.ttlSweepEveryMs);
    await hub.quiet();
    expect(await hub.desk.find(dependent.id)).toMatchObject({ status: "dead_letter", last_error: "ttl_expired" });
    await hub.desk.command(dependency.id, "cancel");
    await hub.desk.command(dependent.id, "retry");
    await expect
      .poll(() => hub.desk.find(dependent.id))
      .toMatchObject({ last_error: `dependency_cancelled: ${dependency.id}` });
  });
});
