/** All nodes of a hub are restarted one after the other while it works; a submitter that retries on 503 notices nothing. */
import { afterEach, expect, it } from "vitest";
import { expectClean, ShardedHub } from "./sharded-hub.ts";
import { redisForTests } from "./start-redis.ts";

const redis = redisForTests();
let hub: ShardedHub | undefined;

afterEach(() => hub?.stop());

it("a rolling restart of three nodes under load loses nothing and shows the submitter no error", async () => {
  const flags = ["--redis", redis.url, "--lease-ms", "5000", "--drain-ms", "1500"];
  hub = await ShardedHub.start({ care: redis.care, flags, nodes: 3 });
  const work = await hub.work({ agents: 24, ratePerSec: 100, workMs: 100 });
  const restarts: number[] = [];
  for (const name of ["n1", "n2", "n3"]) {
    const startMs = performance.now();
    const before = hub.node(name);
    const completed = work.completed;
    before.process.signal("SIGTERM");
    expect(await before.process.ended).toEqual({ code: 0, signal: null });
    await hub.startNode(name);
    restarts.push(performance.now() - startMs);
    await work.until("work goes on", () => work.completed > completed + 50);
  }
  await work.until("all agents connected again", () => work.generator.fleet.online === 24);
  const end = await work.stop();
  expectClean(end);
  expect(end.complaints).toEqual({});
  // Each agent was sent away at least once.
  expect(end.disconnected).toBeGreaterThanOrEqual(24);
  const seconds = restarts.map((ms) => `${(ms / 1000).toFixed(1)} s`).join(", ");
  process.stdout.write(
    `rolling restart: ${seconds}; ${end.history.acknowledged} tasks, ${end.postponed} × 503, ${end.disconnected} reconnects\n`,
  );
});
