import type { SidecarFleet, Clock } from "@hubscale/sidecar-sim";

/** What goes on in a trial while tasks come. Absent or 0: not. */
export interface BesideLoad {
  statusChangesPerSec: number;
  messagesPerSec: number;
  broadcastsPerSec: number;
  /** Agents whose connections are cut, one after the other. */
  reconnectsPerSec: number;
  /** Share of the agents cut off at once, at a third of the window. */
  cutShare: number;
}

const TEXT = "please look at the failing test before you merge, the log is attached to the task ".repeat(3);
const CUT_AT = 1 / 3;

/** Evenly in time, agents in turn, so that two trials differ by the hub alone. The result ends it. */
export function goOnBeside(
  fleet: SidecarFleet,
  agentId: (index: number) => string,
  clock: Clock,
  beside: BesideLoad,
  windowMs: { from: number; length: number },
): () => void {
  const cancels: (() => void)[] = [];
  let turn = 0;
  const next = () => turn++ % fleet.size;
  const often = (perSec: number, run: () => void) => {
    if (perSec > 0) cancels.push(clock.every(1000 / perSec, run));
  };
  often(beside.statusChangesPerSec, () => {
    const agent = next();
    fleet.say(agent, `{"type":"status","status":"step ${turn}"}`);
  });
  often(beside.messagesPerSec, () => {
    const agent = next();
    const to = agentId((agent + 1) % fleet.size);
    fleet.say(agent, `{"type":"message","to":"${to}","payload":{"text":"${TEXT}"}}`);
  });
  often(beside.broadcastsPerSec, () => fleet.say(next(), `{"type":"message","payload":{"text":"${TEXT}"}}`));
  often(beside.reconnectsPerSec, () => fleet.disconnect(next()));
  if (beside.cutShare > 0) {
    const atMs = windowMs.from + CUT_AT * windowMs.length - clock.monotonicMs();
    cancels.push(
      clock.after(Math.max(0, atMs), () => {
        for (let agent = 0; agent < beside.cutShare * fleet.size; agent++) fleet.disconnect(agent);
      }),
    );
  }
  return () => {
    for (const cancel of cancels) cancel();
  };
}
