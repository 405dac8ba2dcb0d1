import { expect, it } from "vitest";
import { NETWORK_PATHS } from "./network-path.ts";
import { agentsPerLine, segmentWireBytes } from "./segment-traffic.ts";

const { plain, "mesh-v4": mesh } = NETWORK_PATHS;

it("puts headers around each packet of each write, and an acknowledgement for every other", () => {
  const traffic = { up: { bytes: 2_896, writes: 1 }, down: { bytes: 400, writes: 4 } };
  // Two full packets up, four small ones down.
  expect(segmentWireBytes(traffic, plain)).toEqual({ up: 2_896 + 2 * 52 + 2 * 52, down: 400 + 4 * 52 + 1 * 52 });
  // 1,228 bytes a packet: three up.
  expect(segmentWireBytes(traffic, mesh)).toEqual({ up: 2_896 + 3 * 112 + 2 * 112, down: 400 + 4 * 112 + 1.5 * 112 });
});

it("costs nothing where nothing goes", () => {
  const nothing = { bytes: 0, writes: 0 };
  expect(segmentWireBytes({ up: nothing, down: nothing }, mesh)).toEqual({ up: 0, down: 0 });
});

it("fills a line by the direction that is full first", () => {
  const line = { up: 10e6, down: 100e6 };
  expect(agentsPerLine({ up: 1e6, down: 1e6 }, line)).toBe(10);
  expect(agentsPerLine({ up: 1e6, down: 20e6 }, line)).toBe(5);
});
