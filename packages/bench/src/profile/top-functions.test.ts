import { expect, test } from "vitest";
import { renderTop, topOfCpu, topOfHeap } from "./top-functions.ts";

const frame = (functionName: string, url = "", lineNumber = -1) => ({ functionName, url, lineNumber });

test("CPU: a function's own time from all places that call it; idle time does not count", () => {
  const profile = {
    startTime: 1_000_000,
    nodes: [
      { id: 1, callFrame: frame("(idle)") },
      { id: 2, callFrame: frame("encode", "file:///x/packages/protocol/dist/codec.js", 9) },
      { id: 3, callFrame: frame("encode", "file:///x/packages/protocol/dist/codec.js", 9) },
      { id: 4, callFrame: frame("", "file:///x/node_modules/.pnpm/ws@8/node_modules/ws/lib/sender.js", 4) },
    ],
    samples: [1, 2, 3, 4, 1],
    timeDeltas: [5000, 300, 300, 400, 9000],
  };
  const top = topOfCpu(profile, { from: 0, to: 2_000_000 });
  expect(top).toEqual([
    { name: "encode", place: "protocol/dist/codec.js:10", amount: 600, share: 0.6 },
    { name: "(anonymous)", place: "ws/lib/sender.js:5", amount: 400, share: 0.4 },
  ]);
  expect(renderTop("CPU", top, { name: "ms", size: 1000 })).toMatch(
    /CPU\n +60\.0 % +0\.6 ms {2}encode {2}protocol\/dist\/codec\.js:10/,
  );
});

test("CPU: only what lies in the window counts", () => {
  const profile = {
    startTime: 1000,
    nodes: [
      { id: 1, callFrame: frame("load modules") },
      { id: 2, callFrame: frame("work") },
    ],
    samples: [1, 2, 2, 1],
    timeDeltas: [100, 100, 100, 100],
  };
  expect(topOfCpu(profile, { from: 1150, to: 1350 }).map(({ name, amount }) => [name, amount])).toEqual([["work", 200]]);
});

test("heap: bytes by the function that allocated them, at every depth", () => {
  const leaf = { callFrame: frame("row", "node:internal/x", 1), selfSize: 300, children: [] };
  const top = topOfHeap({
    head: {
      callFrame: frame("(root)"),
      selfSize: 0,
      children: [{ callFrame: frame("load"), selfSize: 100, children: [leaf, leaf] }],
    },
  });
  expect(top.map(({ name, amount }) => [name, amount])).toEqual([
    ["row", 600],
    ["load", 100],
  ]);
});
