/** A client process that keeps a raw engine busy, forked by the bench. Says one result and ends. */
import { randomBytes } from "node:crypto";
import { openBullmq } from "./bullmq-engine.ts";
import { openJetstream } from "./jetstream-engine.ts";
import type { RawEngine } from "./raw-engine.ts";
import type { RawEngineOrder, RawEngineResult } from "./raw-engine-process.ts";

process.once("message", (order: RawEngineOrder) => {
  run(order).then(
    (result) => process.send?.(result, undefined, undefined, () => process.exit(0)),
    (error: unknown) => {
      process.stderr.write(`raw engine: ${error instanceof Error ? error.message : String(error)}\n`);
      process.exit(1);
    },
  );
});
// Without its bench nobody reads the result.
process.once("disconnect", () => process.exit(0));
// Ctrl-C goes to the whole group; the bench decides when this process ends.
process.on("SIGINT", () => undefined);

function open({ kind, urls, shards }: RawEngineOrder): Promise<RawEngine> {
  const name = `raw-${randomBytes(4).toString("hex")}`;
  return kind === "nats" ? openJetstream(urls, name, shards) : openBullmq(urls, name);
}

async function run(order: RawEngineOrder): Promise<RawEngineResult> {
  const { inFlight, warmupMs, durationMs } = order;
  const engine = await open(order);
  const startMs = performance.now();
  const [fromMs, untilMs] = [startMs + warmupMs, startMs + warmupMs + durationMs];
  let tasks = 0;
  const lane = async () => {
    for (;;) {
      await engine.pass();
      const nowMs = performance.now();
      if (nowMs >= untilMs) return;
      if (nowMs >= fromMs) tasks++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  await engine.close();
  return { tasks, durationMs };
}
