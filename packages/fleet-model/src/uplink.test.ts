import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NETWORK_PATHS, packetsFor, WEBSOCKET_HEADER_BYTES, wireBytes } from "./network-path.ts";
import { Uplink } from "./uplink.ts";

const { plain, "mesh-v4": meshV4, "mesh-v6": meshV6, "mesh-relayed": relayed } = NETWORK_PATHS;

describe("bytes on the wire", () => {
  it("of a small WebSocket frame: 210, through the mesh 270, 29 % more", () => {
    expect(wireBytes(150 + WEBSOCKET_HEADER_BYTES, plain)).toBe(210);
    expect(wireBytes(150 + WEBSOCKET_HEADER_BYTES, meshV4)).toBe(270);
  });

  it.each([
    [meshV4, 1_340, 0.0469],
    [meshV6, 1_360, 0.0625],
  ])("of a full packet through $id", (path, onWire, overhead) => {
    expect(wireBytes(1_280 - 52, path)).toBe(onWire);
    expect(onWire / 1_280 - 1).toBeCloseTo(overhead, 3.5);
  });

  it("are none for nothing and most through a relay", () => {
    for (const path of Object.values(NETWORK_PATHS)) expect(wireBytes(0, path)).toBe(0);
    expect(packetsFor(500_000, plain)).toBe(346);
    const sizes = [plain, meshV4, meshV6, relayed].map((path) => wireBytes(500_000, path));
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
  });
});

describe("Uplink", () => {
  const line = (burstBytes = 0) => new Uplink({ bitsPerSec: 10e6, burstBytes, delayMs: 10, path: plain });

  it("sends a median step's body in 0.4 s at 10 Mbit/s, and the next waits for it", () => {
    const uplink = line();
    const first = uplink.send(500_000, 0);
    expect(first.leftMs).toBeCloseTo((first.wireBytes * 8) / 10_000, 6);
    expect(first.leftMs).toBeGreaterThan(400);
    expect(first.arrivesMs).toBeCloseTo(first.leftMs + 10, 9);
    expect(uplink.send(100, 5).leftMs).toBeGreaterThan(first.leftMs);
    expect(uplink.backlogMs(5)).toBeCloseTo(first.leftMs + (152 * 8) / 10_000 - 5, 6);
    expect(uplink.totalWireBytes).toBe(first.wireBytes + 152);
  });

  it("lets a burst go at once after a pause", () => {
    const uplink = line(20_000);
    expect(uplink.send(10_000, 0).leftMs).toBe(0);
    expect(uplink.send(10_000, 0).leftMs).toBeCloseTo(((2 * wireBytes(10_000, plain) - 20_000) * 8) / 10_000, 6);
    expect(uplink.send(10_000, 1_000).leftMs).toBe(1_000);
  });

  it("keeps the order and never sends more than burst + rate × time", () => {
    const write = fc.record({ gapMs: fc.integer({ min: 0, max: 50 }), bytes: fc.integer({ min: 1, max: 50_000 }) });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 30_000 }), fc.array(write), (burstBytes, writes) => {
        const uplink = line(burstBytes);
        let nowMs = 0;
        let lastMs = 0;
        for (const { gapMs, bytes } of writes) {
          nowMs += gapMs;
          const { leftMs } = uplink.send(bytes, nowMs);
          expect(leftMs).toBeGreaterThanOrEqual(Math.max(nowMs, lastMs));
          lastMs = leftMs;
          expect(uplink.totalWireBytes * 8).toBeLessThanOrEqual(burstBytes * 8 + 10_000 * leftMs + 1e-3);
        }
      }),
    );
  });
});
