import { draftOf } from "@hubscale/hub-core";
import type { SubmissionKey } from "@hubscale/hub-runtime";
import { ManualClock } from "@hubscale/hub-runtime/testing";
import { TIMERS } from "@hubscale/protocol";
import { afterEach, describe, expect, it } from "vitest";
import { KEYS, rangeOf } from "../data-folder.ts";
import { ALL_FIXES } from "../fixes.ts";
import { DeskInFolder } from "../testing/desk-in-folder.ts";

const draft = draftOf({ description: "x", complexity_tier: "trivial" }, "tester");
const keyOf = (name: string): SubmissionKey => ({ hash: name.padEnd(64, "0"), fingerprint: "f".repeat(64) });

describe.each([
  ["reference", new Set<never>()],
  ["tuned", ALL_FIXES],
] as const)("the keys of submissions, %s", (_, fixes) => {
  let hub: DeskInFolder;
  afterEach(() => hub.remove());

  const stored = (prefix: string) => hub.folder.db.keys(rangeOf(prefix)).all();

  const DAY_MS = TIMERS.submissionKeyKeptMs;
  const startMs = 1_700_000_000_000;

  /** The same folder, as much later. */
  async function reopen(afterMs: number): Promise<void> {
    const { folder } = hub;
    await hub.close();
    hub = await DeskInFolder.open({ fixes, path: folder.path, clock: new ManualClock(startMs + afterMs) });
  }

  async function sweep(): Promise<void> {
    hub.clock.advance(TIMERS.ttlSweepEveryMs);
    await hub.assembled.sweeps.settled();
  }

  const submit = async (name: string) => {
    const outcome = await hub.desk.submit(draft, keyOf(name));
    return outcome.ok ? outcome.task : undefined;
  };

  it("are written with the task, and known after a restart", async () => {
    hub = await DeskInFolder.open({ fixes, clock: new ManualClock(startMs) });
    const first = await submit("a");
    await reopen(1_000);
    expect(await submit("a")).toEqual({ id: first?.id, priority: 2, created_at: startMs });
    expect((await hub.desk.list({})).length).toBe(1);
  });

  it("are of use for a day, and then are gone from the store", async () => {
    hub = await DeskInFolder.open({ fixes, clock: new ManualClock(startMs) });
    const first = await submit("a");
    await reopen(DAY_MS / 2);
    await submit("b");
    await reopen(DAY_MS);
    await sweep();
    expect(await stored(KEYS.submission)).toEqual([KEYS.submission + keyOf("b").hash]);
    expect(await stored(KEYS.submissionTime)).toHaveLength(1);
    expect((await submit("a"))?.id).not.toBe(first?.id);
  });

  it("that are used anew when their day is over are not forgotten with the old one", async () => {
    hub = await DeskInFolder.open({ fixes, clock: new ManualClock(startMs) });
    await submit("a");
    await reopen(DAY_MS + 1);
    const second = await submit("a");
    await sweep();
    expect((await submit("a"))?.id).toBe(second?.id);
  });
});
