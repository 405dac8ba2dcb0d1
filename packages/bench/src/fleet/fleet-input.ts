/** A fleet file, a workload and what is known of the hub, as the question that `decideFleet` answers. */
import {
  bestSingle,
  DEFAULT_PRICES,
  type Fleet,
  type FleetInput,
  type FleetPrices,
  type HubEvidence,
  type PriceList,
  profileOf,
  shapeOf,
  type WorkMix,
} from "@hubscale/fleet-model";

/** Tokens are sent in windows of 100 ms while a model streams (the contract's timers). */
const FRAMES_PER_SEC = 10;
/** Enough for the second digit of an interval; each costs a few milliseconds. */
export const DRAWS = 60;
/** Twice the time on an idle fleet: an assumption to be replaced by the team's own. */
const MAX_SLOWDOWN = 2;

export interface FleetQuestion {
  fleet: Fleet;
  mix: WorkMix;
  evidence: HubEvidence;
  /** Undefined: the reference if it was measured, else the best single hub, else any. */
  hubId: string | undefined;
  tasksPerHour: number | null;
  growthPerMonth: number;
  fsyncMs: number | null;
  completedRows: number | undefined;
  draws: number;
  seed: number;
}

export function fleetInput(question: FleetQuestion): FleetInput {
  const { fleet, mix, evidence } = question;
  const reference = evidence.hubs.find(({ id }) => id === "single-reference");
  const hub =
    evidence.hubs.find(({ id }) => id === question.hubId) ?? reference ?? bestSingle(evidence.hubs) ?? evidence.hubs[0];
  if (!hub) throw new Error("the evidence has no hub");
  return {
    fleet: shapeOf(fleet),
    work: profileOf(mix, FRAMES_PER_SEC),
    hub: evidence,
    hubId: hub.id,
    hubCores: 1,
    fsyncMs: question.fsyncMs,
    completedRows: question.completedRows ?? hub.completedRows,
    slo: { tasksPerHour: question.tasksPerHour, maxSlowdown: MAX_SLOWDOWN, growthPerMonth: question.growthPerMonth },
    prices: pricesOf(fleet.prices),
    uncertainty: { draws: question.draws, seed: question.seed },
  };
}

/** The file's own prices; purchases are spread over 36 months. */
function pricesOf(own: FleetPrices | undefined): PriceList {
  if (!own) return DEFAULT_PRICES;
  const source = `the fleet file, ${own.dated}`;
  const price = (perMonth: number | undefined) => (perMonth === undefined ? null : { perMonth, source });
  const bought = (amount: number) => ({ perMonth: amount / MONTHS, source: `${source}, over ${MONTHS} months` });
  return {
    currency: own.currency,
    dated: own.dated,
    machine: own.machine === undefined ? null : bought(own.machine),
    gpus: Object.fromEntries(Object.entries(own.gpus).map(([id, amount]) => [id, bought(amount)])),
    hubNode: price(own.hubNodePerMonth),
    uplinkMbit: price(own.uplinkMbitPerMonth),
    apiTier: null,
  };
}

const MONTHS = 36;
