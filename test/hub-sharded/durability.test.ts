/** What is left of acknowledged work when every process of the hub is killed at once, at each level: docs/durability.md. */
import { systemRandomHex } from "@hubscale/hub-runtime";
import type { Task } from "@hubscale/protocol";
import { RestartableServer } from "hubscale/faults";
import { ProcessCare } from "hubscale/machine";
import { provisionRedis, serverSourcesOf } from "hubscale/provisioning";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { until } from "./desk-node.ts";
import { NodeProcess, WireAgent } from "./node-process.ts";

/** `appendfsync everysec` may hold a write back for so long while the disk is busy with the sync before. */
const EVERYSEC_HOLDS_BACK_MS = 2_000;
const TASKS = 80;

let care: ProcessCare;

beforeEach(() => {
  care = new ProcessCare({ handleSignals: false });
});

afterEach(() => care.close());

describe.each([
  ["fsync", "always", 0],
  ["process", "everysec", EVERYSEC_HOLDS_BACK_MS],
] as const)("durability %s (appendfsync %s)", (level, appendfsync, holdsBackMs) => {
  it("kill -9 of the nodes and of Redis at one moment: all is there that was acknowledged before, and done stays done", async () => {
    const sources = serverSourcesOf(process.env);
    const redis = await RestartableServer.start(care, (place) =>
      provisionRedis({ care, sources, durability: level, ...place }),
    );
    const namespace = `test-${systemRandomHex(4)}`;
    const flags = ["--redis", redis.url, "--namespace", namespace, "--durability", level, "--lease-ms", "1000"];
    const nodes = [
      await NodeProcess.start(care, ["--node", "one", ...flags]),
      await NodeProcess.start(care, ["--node", "two", ...flags]),
    ];
    const [one, two] = nodes as [NodeProcess, NodeProcess];
    const { body } = await one.call("GET", "/api/describe");
    expect(body).toMatchObject({ durability: { verified: level, how: expect.stringContaining(`appendfsync ${appendfsync}`) } });

    const token = await one.register("ada");
    const ada = await WireAgent.connect(two, "ada", token, ["work"]);
    ada.onAssign = (frame) => ada.complete(frame);
    const acknowledged: { taskId: string; atMs: number }[] = [];
    const completedMs = new Map<string, number>();
    const submit = async (): Promise<void> => {
      for (let n = 0; n < TASKS / 4; n++) {
        // Half of them for nobody, so that there is a queue to lose.
        const { task_id } = await one.submit(token, n % 2 === 0 ? { needed_capabilities: ["nobody"] } : {});
        acknowledged.push({ taskId: task_id, atMs: performance.now() });
        for (const frame of ada.heard.splice(0)) {
          if (frame.type === "task_ack" && frame.status === "complete") completedMs.set(frame.task_id, performance.now());
        }
      }
    };
    await Promise.all([submit(), submit(), submit(), submit()]);
    const killedMs = performance.now();
    for (const { process: node } of nodes) node.signal("SIGKILL");
    await redis.kill();
    ada.close();

    await redis.restart();
    const after = await NodeProcess.start(care, ["--node", "three", ...flags]);
    const found = new Map<string, Task | undefined>();
    await Promise.all(acknowledged.map(async ({ taskId }) => found.set(taskId, await after.task(token, taskId))));
    const missing = acknowledged.filter(({ taskId }) => found.get(taskId) === undefined);
    const undone = [...completedMs].filter(([taskId]) => found.get(taskId)?.status !== "completed");
    process.stdout.write(
      `durability ${level}: ${acknowledged.length} tasks acknowledged and ${completedMs.size} completions heard before kill -9 of all; ` +
        `${missing.length} tasks and ${undone.length} completions gone\n`,
    );
    expect(missing.filter(({ atMs }) => killedMs - atMs > holdsBackMs || level === "fsync")).toEqual([]);
    expect(undone.filter(([, atMs]) => killedMs - atMs > holdsBackMs || level === "fsync")).toEqual([]);
    expect(completedMs.size).toBeGreaterThan(0);
    // What was in ada's hands comes back by its lease, and to others.
    const bob = await WireAgent.connect(after, "bob", await after.register("bob"));
    bob.onAssign = (frame) => bob.complete(frame);
    await until("the rest done", async () => {
      const { body: stats } = await after.call("GET", "/api/tasks/stats", { token });
      return ((stats["by_status"] as Record<string, number>)["assigned"] ?? 0) === 0;
    });
    bob.close();
    await after.process.stop();
    await redis.stop();
  });
});
