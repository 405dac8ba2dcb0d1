/** `pnpm sim`: simulated sidecars against a hub that is running already. */
import { randomBytes } from "node:crypto";
import { keepHeapSmall } from "@hubscale/sidecar-sim/small-heap";

// Before anything else is loaded: the heap keeps the size that it once had.
keepHeapSmall();
const { systemClock } = await import("@hubscale/sidecar-sim");
const { runSim } = await import("./load/sim-command.ts");
const { parseSimFlags, SIM_HELP } = await import("./load/sim-flags.ts");

const flags = parseSimFlags(process.argv.slice(2));
if (!flags.ok) {
  process.stderr.write(`sim: ${flags.problem}; see --help\n`);
  process.exitCode = 2;
} else if ("help" in flags) {
  process.stdout.write(SIM_HELP);
} else {
  const stop = new AbortController();
  const onSignal = () => {
    // The second time somebody is in a hurry.
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  process.exitCode = await runSim(flags.settings, {
    clock: systemClock,
    signal: stop.signal,
    claudeApiKey: process.env["ANTHROPIC_API_KEY"],
    freshPrefix: () => `sim-${randomBytes(3).toString("hex")}`,
    say: (line) => process.stderr.write(`${line}\n`),
    print: (line) => process.stdout.write(`${line}\n`),
  });
  process.off("SIGINT", onSignal);
  process.off("SIGTERM", onSignal);
}
