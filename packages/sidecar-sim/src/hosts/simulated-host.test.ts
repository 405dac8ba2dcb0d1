import { expect, it } from "vitest";
import { ManualClock } from "../manual-clock.ts";
import { ScaledTime } from "../stubs/scaled-time.ts";
import { SimulatedHost } from "./simulated-host.ts";

const SCALE = 10;

function hostOf(cores: number) {
  const clock = new ManualClock();
  const spec = { name: "box", cores, ramBytes: 8e9, agents: 4, gpu: undefined };
  const host = new SimulatedHost(spec, new ScaledTime(clock, SCALE), () => ({ usedBytes: 5e9, totalBytes: 24e9 }));
  /** In the fleet's seconds; lets what became due settle. */
  const pass = async (seconds: number) => {
    clock.advance((seconds * 1_000) / SCALE);
    await new Promise(setImmediate);
  };
  return { host, pass };
}

const job = { coreSec: 10, maxCores: 1 };
const never = new AbortController().signal;

it("slows work down by what others do at the same time, and reports how busy it is", async () => {
  const { host, pass } = hostOf(1);
  const ended: string[] = [];
  void host.compute(job, never).then(() => ended.push("first"));
  expect(host.sample()).toEqual({
    cpuPercent: 100,
    ramUsedBytes: 0,
    ramTotalBytes: 8e9,
    vramUsedBytes: 5e9,
    vramTotalBytes: 24e9,
  });
  await pass(5);
  void host.compute(job, never).then(() => ended.push("second"));
  await pass(9.9);
  expect(ended).toEqual([]);
  await pass(0.2);
  expect(ended).toEqual(["first"]);
  await pass(5);
  expect(ended).toEqual(["first", "second"]);
  expect(host.sample().cpuPercent).toBe(0);
});

it("gives the share of work that is broken off to the others", async () => {
  const { host, pass } = hostOf(1);
  const stop = new AbortController();
  const broken = host.compute(job, stop.signal);
  let isDone = false;
  void host.compute(job, never).then(() => {
    isDone = true;
  });
  await pass(4);
  stop.abort(new Error("cancelled"));
  await expect(broken).rejects.toThrow("cancelled");
  await pass(7.9);
  expect(isDone).toBe(false);
  await pass(0.2);
  expect(isDone).toBe(true);
});

it("waits in the fleet's time, until the signal", async () => {
  const { host, pass } = hostOf(1);
  let isOver = false;
  void host.wait(20_000, never).then(() => {
    isOver = true;
  });
  const stop = new AbortController();
  const broken = host.wait(20_000, stop.signal);
  stop.abort(new Error("cancelled"));
  await expect(broken).rejects.toThrow("cancelled");
  await pass(19.9);
  expect(isOver).toBe(false);
  await pass(0.2);
  expect(isOver).toBe(true);
});

it("refuses memory that it has not", () => {
  const { host } = hostOf(4);
  expect([host.takeMemory(6e9), host.takeMemory(3e9)]).toEqual([true, false]);
  host.giveBackMemory(6e9);
  expect(host.takeMemory(3e9)).toBe(true);
  expect(host.sample().ramUsedBytes).toBe(3e9);
});
