import { startMemoryHub } from "@hubscale/hub-runtime/testing";
import { type SidecarBehaviour, systemClock } from "@hubscale/sidecar-sim";
import { LoadGenerator, type NullHubFlaws, runTrial, startNullHub, type TrialCommand } from "hubscale/load";
import { afterEach, expect, test } from "vitest";

const atOnce: SidecarBehaviour = {
  workTime: { kind: "constant", ms: 0 },
  progress: null,
  failure: { share: 0, as: "failed" },
  outputChars: 100,
};

const trial: TrialCommand = {
  kind: "trial",
  id: "t",
  mode: "open",
  ratePerSec: 200,
  arrivals: "poisson",
  warmupMs: 100,
  durationMs: 600,
  graceMs: 100,
  drainLimitMs: 1_500,
  seed: 4,
  descriptionChars: 200,
  metadataBytes: 100,
};

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A null hub with the flaws and a generator that is connected to it. */
async function against(flaws: Partial<NullHubFlaws> = {}, behaviour: Partial<SidecarBehaviour> = {}) {
  const hub = await startNullHub({ port: 0, flaws });
  closers.push(() => hub.close());
  return { hub, generator: await connectedTo(hub, behaviour) };
}

async function connectedTo(hub: { wsUrl: string; httpUrl: string }, behaviour: Partial<SidecarBehaviour> = {}) {
  const connected = await LoadGenerator.connect(
    {
      ws: [hub.wsUrl],
      http: [hub.httpUrl],
      agents: 8,
      seed: 1,
      behaviour: { ...atOnce, ...behaviour },
      timeScale: 1,
      prefix: "gen",
      httpConnections: 8,
      limitMs: 10_000,
    },
    { clock: systemClock, note: () => undefined },
  );
  if (!connected.ok) throw new Error(connected.detail);
  closers.push(() => connected.generator.close());
  return connected.generator;
}

const none = () => undefined;

test("an honest hub: every task is acknowledged, assigned, completed once, and measured", async () => {
  const { generator } = await against();
  const phases: string[] = [];
  const result = await runTrial(generator, trial, (phase) => phases.push(phase));
  expect(phases).toEqual(["warmup", "load", "drain", "verify"]);
  expect(result.window.offered).toBeGreaterThan(60);
  expect(result.window).toMatchObject({ acknowledged: result.window.offered, completed: result.window.offered });
  expect(result.whole.offered).toBeGreaterThan(result.window.offered);
  expect(result.latency.assign.count).toBe(result.window.offered);
  expect(result.latency.complete.ms.p99).toBeGreaterThanOrEqual(result.service.complete.ms.p50);
  expect(result.backlog.length).toBeGreaterThan(5);
  expect(result).toMatchObject({ drained: true, history: { clean: true, lost: 0, unfinished: 0 } });
  expect(result.counters.wsFramesOut).toBe(2 * result.whole.offered);
  expect(result.counters.httpBytesOut).toBeGreaterThan(300 * result.whole.offered);
});

test("the hub's own edge, with retries: failed tasks come back and end", async () => {
  const hub = await startMemoryHub();
  closers.push(() => hub.close());
  const generator = await connectedTo(hub, { failure: { share: 0.3, as: "failed" } });
  const result = await runTrial(generator, trial, none);
  expect(result.sidecars.retried).toBeGreaterThan(0);
  expect(result.history).toMatchObject({
    clean: true,
    unfinished: 0,
    completed: result.whole.completed,
    deadLettered: result.whole.deadLettered,
  });
  expect(result.whole.completed + result.whole.deadLettered).toBe(result.whole.offered);
});

test("a closed load keeps its tasks under way and no more", async () => {
  const { generator } = await against({}, { workTime: { kind: "constant", ms: 20 } });
  const { ratePerSec: _rate, arrivals: _arrivals, ...shape } = trial as Extract<TrialCommand, { mode: "open" }>;
  const result = await runTrial(generator, { ...shape, mode: "closed", inFlight: 4 }, none);
  expect(Math.max(...result.backlog.map((sample) => sample.tasks))).toBe(4);
  // Four at a time, at least 20 ms each.
  expect(result.inWindow.completed).toBeLessThanOrEqual((4 * trial.durationMs) / 20 + 4);
  expect(result.inWindow.completed).toBeGreaterThan(8);
  expect(result.history).toMatchObject({ clean: true, unfinished: 0 });
});

test("a hub that loses tasks is caught, and not waited for without end", async () => {
  const { generator } = await against({ loseEvery: 10 });
  const result = await runTrial(generator, trial, none);
  expect(result.drained).toBe(false);
  expect(result.history.lost).toBe(Math.floor(result.whole.offered / 10));
  expect(result.history.clean).toBe(false);
  expect(result.history.offenders.lost[0]).toMatch(/^task-/);
});

test("a hub that hands completed tasks out again is caught", async () => {
  const { generator } = await against({ repeatEvery: 10 });
  const result = await runTrial(generator, trial, none);
  expect(result.history).toMatchObject({ lost: 0, clean: false });
  expect(result.history.duplicated).toBeGreaterThanOrEqual(Math.floor(result.whole.offered / 10));
});

test("a hub that accepts overtaken completions is caught", async () => {
  const { generator } = await against({ staleEvery: 10 }, { workTime: { kind: "constant", ms: 5 } });
  const result = await runTrial(generator, { ...trial, ratePerSec: 100 } as TrialCommand, none);
  expect(result.history.staleAccepted).toBeGreaterThan(0);
  expect(result.history.clean).toBe(false);
});

test("refused submissions are counted by their status and are no fault of the history", async () => {
  const { generator } = await against({ refuseEvery: 4 });
  const result = await runTrial(generator, trial, none);
  expect(result.whole.refused["503"]).toBe(Math.floor(result.whole.offered / 4));
  expect(result.whole.acknowledged).toBe(result.whole.offered - (result.whole.refused["503"] ?? 0));
  expect(result).toMatchObject({ drained: true, history: { clean: true, unfinished: 0 } });
});

test("agents that are cut off come back, and the tasks they held still end once", async () => {
  const { hub, generator } = await against({}, { workTime: { kind: "constant", ms: 30 } });
  const running = runTrial(generator, { ...trial, drainLimitMs: 10_000 }, none);
  await generator.until(systemClock.monotonicMs() + 300);
  hub.cutAll();
  const result = await running;
  expect(result.sidecars.disconnected).toBe(8);
  expect(generator.fleet.online).toBe(8);
  expect(result.history).toMatchObject({ clean: true, unfinished: 0, completed: result.whole.acknowledged });
});

test("agents that all hold a task when they are cut off, and reject what they are given before they may drop it, are not lost", async () => {
  const { hub, generator } = await against({}, { workTime: { kind: "constant", ms: 250 } });
  const running = runTrial(generator, { ...trial, drainLimitMs: 30_000 }, none);
  await generator.until(systemClock.monotonicMs() + 400);
  hub.cutAll();
  const result = await running;
  expect(result.history).toMatchObject({ clean: true, unfinished: 0, completed: result.whole.acknowledged });
});

test("streaming agents send ten progress frames a second", async () => {
  const { generator } = await against();
  const behaviour: SidecarBehaviour = {
    ...atOnce,
    workTime: { kind: "constant", ms: 450 },
    progress: { tokensPerSec: 40, model: "m" },
  };
  const result = await runTrial(generator, { ...trial, ratePerSec: 10, behaviour } as TrialCommand, none);
  const perTask = result.counters.wsFramesOut / result.whole.completed;
  // Accepted, complete, four windows of 100 ms and what came after the last; a busy machine may leave windows out, never add any.
  expect(perTask).toBeGreaterThan(3);
  expect(perTask).toBeLessThanOrEqual(7);
});
