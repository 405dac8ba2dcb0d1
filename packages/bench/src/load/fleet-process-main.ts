/** A process with a part of a fleet's agents, forked by the load generator. Ends when told to, or with it. */
import { SidecarFleet, type SidecarEvent, systemClock } from "@hubscale/sidecar-sim";
import { keepHeapSmall } from "@hubscale/sidecar-sim/small-heap";
import { type FleetCommand, type FleetReply, sharedClockOffsetMs } from "./fleet-process-protocol.ts";
import { ProcessWatch } from "./process-load.ts";

keepHeapSmall();

const NEWS_EVERY_MS = 20;
/** The sums go over all agents. */
const STATE_EVERY_MS = 500;

const send = (reply: FleetReply) => {
  if (process.connected) process.send?.(reply);
};
const watch = new ProcessWatch();
const offsetMs = sharedClockOffsetMs();
let fleet: SidecarFleet | undefined;
let events: SidecarEvent[] = [];

function tellNews(withState: boolean): void {
  if (!fleet) return;
  const completeUntilMs = systemClock.monotonicMs() + offsetMs;
  const state = withState ? { online: fleet.online, busy: fleet.busy, counters: fleet.counters(), load: watch.read() } : null;
  send({ kind: "news", events, completeUntilMs, state });
  events = [];
}

async function take(command: FleetCommand): Promise<void> {
  switch (command.kind) {
    case "connect": {
      const { wsUrls, agents, behaviour, seed, timeScale, jitter, limitMs } = command;
      fleet = new SidecarFleet({
        wsUrls,
        agents,
        behaviour,
        seed,
        timeScale,
        jitter,
        capabilities: ["code"],
        ollamaUrl: null,
        clock: systemClock,
        onEvent: (event) => events.push({ ...event, atMs: event.atMs + offsetMs }),
      });
      setInterval(() => tellNews(false), NEWS_EVERY_MS);
      setInterval(() => tellNews(true), STATE_EVERY_MS);
      const outcome = await fleet.connect(limitMs);
      tellNews(true);
      send({ kind: "connected", outcome });
      watch.restart();
      return;
    }
    case "behaviour":
      fleet?.setBehaviour(command.behaviour);
      return;
    case "close":
      await fleet?.close();
      tellNews(true);
      await new Promise((resolve) => process.send?.({ kind: "closed" } satisfies FleetReply, undefined, undefined, resolve));
      process.exit(0);
  }
}

process.on("message", (command: FleetCommand) => {
  take(command).catch((error: unknown) => {
    process.stderr.write(`fleet: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  });
});
process.once("disconnect", () => process.exit(0));
// Ctrl-C goes to the whole group; the load generator decides when this process ends.
process.on("SIGINT", () => undefined);
