/** A fleet in several processes: the same books as in one, on one clock. */
import { systemClock } from "@hubscale/sidecar-sim";
import { LoadGenerator, runTrial, startNullHub } from "hubscale/load";
import { afterEach, expect, test } from "vitest";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function connect(hub: { wsUrl: string; httpUrl: string }) {
  return LoadGenerator.connect(
    {
      ws: [hub.wsUrl],
      http: [hub.httpUrl],
      agents: 7,
      processes: 2,
      seed: 1,
      behaviour: {
        workTime: { kind: "constant", ms: 5 },
        progress: null,
        failure: { share: 0, as: "failed" },
        outputChars: 10,
      },
      timeScale: 1,
      prefix: "p",
      httpConnections: 2,
      limitMs: 30_000,
    },
    { clock: systemClock, note: () => undefined },
  );
}

test("tasks that agents of two processes do are counted once, in one order, on the submitter's clock", async () => {
  const hub = await startNullHub({ port: 0 });
  closers.push(() => hub.close());
  const connected = await connect(hub);
  if (!connected.ok) throw new Error(connected.detail);
  const { generator } = connected;
  closers.push(() => generator.close());
  const result = await runTrial(
    generator,
    {
      kind: "trial",
      id: "t",
      mode: "open",
      ratePerSec: 60,
      arrivals: "constant",
      warmupMs: 100,
      durationMs: 1_000,
      graceMs: 5_000,
      drainLimitMs: 20_000,
      seed: 2,
      descriptionChars: 50,
      metadataBytes: 0,
    },
    () => undefined,
  );
  expect(result.window).toMatchObject({ offered: 60, acknowledged: 60, assigned: 60, completed: 60 });
  expect(result.history).toMatchObject({ clean: true, unfinished: 0 });
  // From the intended submission to the assignment in another process: neither before it, nor by another clock.
  expect(result.latency.assign.ms.p50).toBeGreaterThan(0);
  expect(result.latency.assign.ms.max).toBeLessThanOrEqual(result.latency.complete.ms.max);
  expect(result.latency.complete.ms.p50).toBeGreaterThanOrEqual(5);
  expect(generator.fleet.size).toBe(7);
});

test("an absent hub is told of as with one process", async () => {
  const hub = await startNullHub({ port: 0 });
  const connecting = connect({ ...hub, wsUrl: "ws://127.0.0.1:1/ws" });
  closers.push(() => hub.close());
  expect(await connecting).toMatchObject({ ok: false, code: "unreachable", detail: expect.stringContaining("ECONNREFUSED") });
});
