import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HostCpu, HostMemory } from "./host-cpu.ts";

const job = (id: string, coreSec: number, maxCores = 1) => ({ id, coreSec, maxCores });

describe("HostCpu", () => {
  it.each([
    [1, 10],
    [2, 10],
    [4, 10],
    [8, 20],
    [16, 40],
  ])("%d single-threaded builds of 10 s on 4 cores take %d s", (count, seconds) => {
    const cpu = new HostCpu(4, 0);
    for (let i = 0; i < count; i++) cpu.start(job(`${i}`, 10), 0);
    expect(cpu.nextDueMs()).toBeCloseTo(seconds * 1_000, 6);
    expect(cpu.advance(seconds * 1_000 - 1)).toEqual([]);
    expect(cpu.advance(seconds * 1_000 + 1)).toHaveLength(count);
    expect(cpu.nextDueMs()).toBe(Number.POSITIVE_INFINITY);
  });

  it("gives to wide jobs what narrow ones leave", () => {
    const cpu = new HostCpu(8, 0);
    cpu.start(job("wide", 60, 16), 0);
    cpu.start(job("narrow", 10), 0);
    expect(cpu.usedCores).toBe(8);
    expect(cpu.advance(60_000 / 7 + 1)).toEqual(["wide"]);
    expect(cpu.advance(10_001)).toEqual(["narrow"]);
  });

  it("gives a stopped job's share to the others", () => {
    const cpu = new HostCpu(1, 0);
    cpu.start(job("a", 10), 0);
    cpu.start(job("b", 10), 0);
    cpu.stop("a", 4_000);
    expect(cpu.nextDueMs()).toBeCloseTo(12_000, 6);
  });

  it("does all work once and no more than its cores can", () => {
    const arrival = fc.record({
      gapMs: fc.integer({ min: 0, max: 5_000 }),
      coreSec: fc.integer({ min: 1, max: 20 }),
      wide: fc.integer({ min: 1, max: 6 }),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(arrival, { minLength: 1, maxLength: 20 }), (cores, arrivals) => {
        const cpu = new HostCpu(cores, 0);
        const ended: string[] = [];
        let nowMs = 0;
        for (const [index, { gapMs, coreSec, wide }] of arrivals.entries()) {
          nowMs += gapMs;
          ended.push(...cpu.advance(nowMs));
          cpu.start(job(`${index}`, coreSec, wide), nowMs);
          expect(cpu.usedCores).toBeLessThanOrEqual(cores + 1e-9);
        }
        for (let dueMs = cpu.nextDueMs(); dueMs < Number.POSITIVE_INFINITY; dueMs = cpu.nextDueMs()) {
          nowMs = dueMs;
          ended.push(...cpu.advance(dueMs));
        }
        expect(ended.map(Number).sort((a, b) => a - b)).toEqual(arrivals.map((_, index) => index));
        const workMs = arrivals.reduce((sum, { coreSec }) => sum + coreSec * 1_000, 0);
        expect(nowMs).toBeGreaterThanOrEqual(workMs / cores - 1);
      }),
    );
  });
});

describe("HostMemory", () => {
  it("refuses what does not fit", () => {
    const memory = new HostMemory(32e9);
    expect(memory.take(20e9)).toBe(true);
    expect(memory.take(20e9)).toBe(false);
    memory.giveBack(20e9);
    expect(memory.take(32e9)).toBe(true);
    expect(memory.freeBytes).toBe(0);
  });
});
