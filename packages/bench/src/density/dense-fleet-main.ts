/** Simulated sidecars under one of the loads, and nothing else. Begins at a line on stdin, ends with it. */
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { keepHeapSmall } from "@hubscale/sidecar-sim/small-heap";

// As `pnpm sim` does it: before anything else is loaded.
keepHeapSmall();
const { SidecarFleet, sidecarTimers, systemClock } = await import("@hubscale/sidecar-sim");
const { TASK_OUTPUT, workMsFor } = await import("./density-load.ts");

const CONNECT_WITHIN_MS = 60_000;
const NEVER_MS = 1e9;

const { values } = parseArgs({
  options: {
    url: { type: "string" },
    load: { type: "string" },
    connections: { type: "string" },
    /** A second, out of each connection. */
    frames: { type: "string" },
  },
});
const framesOut = Number(values.frames);
const fleet = new SidecarFleet({
  wsUrls: [values.url ?? ""],
  agents: Array.from({ length: Number(values.connections) }, (_, index) => ({
    agentId: `dense-${index}`,
    token: "0".repeat(64),
  })),
  behaviour: {
    workTime: { kind: "constant", ms: workMsFor(framesOut) },
    progress: null,
    failure: { share: 0, as: "failed" },
    outputChars: TASK_OUTPUT.length,
  },
  capabilities: ["code"],
  ollamaUrl: null,
  seed: 1,
  timeScale: 1,
  clock: systemClock,
  // Only what is of the load, since only that is answered: the frames are to be the same both ways, and the same as the other tool's.
  timers: {
    ...sidecarTimers(1),
    pingEveryMs: values.load === "pings" ? 1_000 / framesOut : NEVER_MS,
    reportFirstMs: NEVER_MS,
  },
  onEvent: () => undefined,
});
const lines = createInterface({ input: process.stdin });
lines.once("line", () => {
  fleet.connect(CONNECT_WITHIN_MS).then((outcome) => {
    if (outcome.ok) return;
    process.stderr.write(`dense fleet: ${outcome.code}: ${outcome.detail}\n`);
    process.exit(1);
  }, fail);
});
lines.on("close", () => process.exit(0));

function fail(error: unknown): never {
  throw error;
}
