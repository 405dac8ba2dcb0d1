/** Simulated sidecars that do nothing but ping, many times as often as in life. Begins at a line on stdin, ends with it. */
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { SidecarFleet, sidecarTimers, systemClock } from "@hubscale/sidecar-sim";

const CONNECT_WITHIN_MS = 60_000;
const NEVER_MS = 1e9;

const { values } = parseArgs({
  options: { url: { type: "string" }, connections: { type: "string" }, "frame-ms": { type: "string" } },
});
const fleet = new SidecarFleet({
  wsUrls: [values.url ?? ""],
  agents: Array.from({ length: Number(values.connections) }, (_, index) => ({
    agentId: `dense-${index}`,
    token: "0".repeat(64),
  })),
  behaviour: { workTime: { kind: "constant", ms: 0 }, progress: null, failure: { share: 0, as: "failed" }, outputChars: 0 },
  capabilities: ["code"],
  ollamaUrl: null,
  seed: 1,
  timeScale: 1,
  clock: systemClock,
  // Only pings, since only they are answered: the frames are to be the same both ways, and the same as the other tool's.
  timers: {
    ...sidecarTimers(1),
    pingEveryMs: Number(values["frame-ms"]),
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
