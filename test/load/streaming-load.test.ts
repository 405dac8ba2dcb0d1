/** Agents that hold a task each and stream, on the tuned hub. */
import { join } from "node:path";
import { systemClock } from "@hubscale/sidecar-sim";
import { StreamingLoad } from "hubscale/load";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HubProcess, type TemporaryFolder, temporaryFolder } from "../hub-single/hub-process.ts";

let folder: TemporaryFolder;
let hub: HubProcess;
beforeAll(async () => {
  folder = await temporaryFolder();
  hub = await HubProcess.ready(["--profile", "tuned", "--data", join(folder.path, "data")]);
});
afterAll(async () => {
  await hub.kill("SIGTERM");
  await folder.remove();
});

const shape = (amount: number) => ({ amount, warmupMs: 100, durationMs: 1_000, seed: 1 });

describe("StreamingLoad", () => {
  it("brings more agents with one task for each, and all of them hold one", async () => {
    const load = new StreamingLoad(
      { load: "streams", ws: [hub.ws], http: [hub.http], prefix: "grown", seed: 1, limitMs: 15_000, agents: 0 },
      systemClock,
    );
    for (const amount of [5, 31, 43, 20]) {
      const held = await load.hold(shape(amount));
      expect(held).toMatchObject({ trouble: "", arrived: held.expected });
    }
    // A task that one of them lacks would be submitted again: nobody had to wait for that.
    expect(await load.close()).toMatchObject({ submitted: 43, acknowledged: 43, completed: 43, lost: 0, duplicated: 0 });
  });
});
