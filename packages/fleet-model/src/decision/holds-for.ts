/** Where the closed form is known not to hold, by rule: then simulate. The rules are those that a test leaves fleets out by. */
import { fleetNetwork } from "../closed-form/fleet-network.ts";
import { endpointOf } from "../closed-form/gpu-round.ts";
import { solveFleet } from "../closed-form/solve-fleet.ts";
import type { FleetInput } from "./fleet-decision.ts";
import { fractionsOf } from "./task-profile.ts";

export interface Holds {
  ok: boolean;
  reasons: string[];
}

/** Below this a station makes nobody wait enough to matter. */
const BUSY = 0.6;
/** Conversations that compete for slots matter when prefill is a part of a round worth naming. */
const PREFILL_SHARE = 0.1;

export function holdsFor(input: FleetInput): Holds {
  const reasons: string[] = [];
  const { fleet, work } = input;
  const shares = fractionsOf(work);
  const network = fleetNetwork(input);
  const solution = solveFleet(network);
  const busy = network.stations.filter((_, index) => (solution.utilisation[index] ?? 0) > BUSY);
  const endpoints = fleet.hosts.reduce((sum, { gpu, count }) => sum + (gpu ? count : 0), 0);
  const guests = fleet.hosts.reduce((sum, { gpu, count, agents }) => sum + (gpu ? 0 : count * agents), 0);
  for (const host of fleet.hosts) {
    if (!host.gpu || host.count === 0 || shares.standard === 0) continue;
    const { placement, model } = endpointOf(host.gpu);
    const users = host.agents + guests / endpoints;
    const again =
      work.standard.promptTokens + work.standard.earlierRounds * (work.standard.appendedTokens + work.standard.outputTokens);
    const prefillMs = again / placement.prefillTokensPerSec;
    const decodeMs = work.standard.outputTokens / placement.decodeTokensPerSec;
    if (users > placement.slots && work.standard.rounds > 1 && prefillMs / (prefillMs + decodeMs) > PREFILL_SHARE) {
      reasons.push(
        `${Math.ceil(users)} conversations share ${placement.slots} slots of ${model.name} on ${host.name}: how often one finds its prompt still in its slot is only approximated`,
      );
    }
  }
  if (busy.some(({ name }) => name === "API answers at once")) {
    reasons.push(
      "the output tokens reserved for answers in progress (max_tokens) use up the API's limit: who is refused waits longer than needed",
    );
  }
  const full = busy.filter(({ kind, law }) => kind !== "hub" && law === "queue");
  if (full.length > 1) {
    reasons.push(`${full.map(({ name }) => name).join(" and ")} are both busy and shared: they take work from each other`);
  }
  return { ok: reasons.length === 0, reasons };
}
