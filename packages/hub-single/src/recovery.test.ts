import { TIMERS } from "@hubscale/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ALL_FIXES, type Fixes } from "./fixes.ts";
import { DeskInFolder, type DeskInFolderOptions } from "./testing/desk-in-folder.ts";

const NO_FIXES: Fixes = new Set();

describe.each([
  ["no fixes", NO_FIXES],
  ["all fixes", ALL_FIXES],
])("after a restart, the desk with %s", (_, fixes) => {
  let hub: DeskInFolder;
  const open = async (options: Partial<DeskInFolderOptions> = {}) => {
    hub = await DeskInFolder.open({ fixes, ...options });
  };

  beforeEach(() => open());

  afterEach(() => hub.remove());

  it("has all of it again", async () => {
    hub.roster.join("a");
    const assigned = await hub.submit();
    await hub.quiet();
    const low = await hub.submit({ priority: "low" });
    const high = await hub.submit({ priority: "high" });
    const waiting = await hub.submit({ depends_on: [assigned.id] });
    const before = { stats: await hub.desk.stats(), list: await hub.desk.list({}) };
    await hub.close();
    await open({ path: hub.folder.path, clock: hub.clock });
    expect({ stats: await hub.desk.stats(), list: await hub.desk.list({}) }).toEqual(before);
    hub.roster.join("b");
    await hub.quiet();
    await hub.complete("b");
    await hub.quiet();
    expect(hub.roster.pushed.map((push) => push.task.id)).toEqual([high.id, low.id]);
    await hub.desk.report("a", { type: "task_complete", task_id: assigned.id, generation: 1 });
    await hub.complete("b");
    await hub.quiet();
    expect(hub.roster.pushed.at(-1)?.task.id).toBe(waiting.id);
  });

  it("requeues a task whose agent returns and does not speak of it for a minute", async () => {
    hub.roster.join("a");
    const { id } = await hub.submit();
    await hub.quiet();
    await hub.close();
    hub.clock.advance(5_000);
    await open({ path: hub.folder.path, clock: hub.clock });
    expect(await hub.desk.find(id)).toMatchObject({ status: "assigned", assigned_to: "a" });
    hub.clock.advance(1_000);
    hub.roster.join("a");
    await hub.quiet();
    hub.clock.advance(TIMERS.acceptWithinMs);
    await hub.quiet();
    expect(hub.roster.pushed).toMatchObject([{ agentId: "a", task: { id, generation: 3 } }]);
  });

  it("keeps a task with its agent if the agent speaks of it", async () => {
    hub.roster.join("a");
    const { id } = await hub.submit();
    await hub.quiet();
    await hub.close();
    hub.clock.advance(5_000);
    await open({ path: hub.folder.path, clock: hub.clock });
    hub.roster.join("a");
    await hub.quiet();
    await hub.desk.report("a", { type: "state_report", task_id: id, generation: 1 });
    hub.roster.working("a", id);
    hub.clock.advance(2 * TIMERS.acceptWithinMs);
    await hub.quiet();
    expect(await hub.desk.report("a", { type: "task_complete", task_id: id, generation: 1 })).toMatchObject({
      done: "complete",
    });
    expect(hub.roster.pushed).toEqual([]);
  });
});

describe("after a restart, with and without the reference's warts", () => {
  let hub: DeskInFolder;

  afterEach(() => hub.remove());

  it.each([
    [true, 1],
    [false, 0],
  ])("warts %s: a returning agent that has not spoken of its task is handed another", async (warts, pushes) => {
    const fixes = warts ? NO_FIXES : ALL_FIXES;
    hub = await DeskInFolder.open({ fixes, warts });
    hub.roster.join("a");
    await hub.submit();
    await hub.quiet();
    await hub.submit();
    await hub.close();
    hub = await DeskInFolder.open({ fixes, warts, path: hub.folder.path, clock: hub.clock });
    hub.clock.advance(1_000);
    hub.roster.join("a");
    await hub.quiet();
    expect(hub.roster.pushed).toHaveLength(pushes);
  });

  it("tuned: the task of an agent that stays away after a restart is requeued within the acceptance timeout", async () => {
    hub = await DeskInFolder.open({ fixes: ALL_FIXES });
    hub.roster.join("a");
    const { id } = await hub.submit();
    await hub.quiet();
    await hub.close();
    hub = await DeskInFolder.open({ fixes: ALL_FIXES, path: hub.folder.path, clock: hub.clock });
    hub.clock.advance(TIMERS.acceptWithinMs);
    await hub.quiet();
    expect(await hub.desk.find(id)).toMatchObject({ status: "queued", generation: 2 });
  });

  it("tuned: an agent that returns without a word of its task is free after some seconds, and so is the task", async () => {
    hub = await DeskInFolder.open({ fixes: ALL_FIXES });
    hub.roster.join("a");
    const { id } = await hub.submit();
    await hub.quiet();
    await hub.close();
    hub = await DeskInFolder.open({ fixes: ALL_FIXES, path: hub.folder.path, clock: hub.clock });
    hub.roster.join("a");
    hub.clock.advance(4_999);
    await hub.quiet();
    expect(hub.roster.pushed).toEqual([]);
    hub.clock.advance(1);
    await hub.quiet();
    expect(hub.roster.pushed).toMatchObject([{ agentId: "a", task: { id, generation: 3 } }]);
  });
});
