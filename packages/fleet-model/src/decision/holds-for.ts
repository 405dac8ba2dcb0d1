/** Where the closed form is known not to hold, by rule: then simulate. The rules are those that a test leaves fleets out by. */
import { AS_GIVEN } from "../closed-form/fleet-factors.ts";
import { fleetNetwork } from "../closed-form/fleet-network.ts";
import { solveFleet } from "../closed-form/solve-fleet.ts";
import type { FleetInput } from "./fleet-decision.ts";
import { stationUses } from "./station-uses.ts";

export interface Holds {
  ok: boolean;
  reasons: string[];
}

const NEAR_LIMIT = 0.85;
const HALF = 0.5;
const FULL = 0.95;
/** Below this a station makes nobody wait enough to matter. */
const BUSY = 0.6;
/** Throughput with every prompt found in its slot over that with none, less 1: from here on it is not known well enough. */
const SLOT_GAP = 0.06;
/** However the times vary: the approximation is not tested beyond. */
const WIDE_GAP = 0.25;
/** Tools that take nearly the same time bring agents back in the order in which they went, each to a slot that was just given away. */
const REGULAR = 0.5;

export function holdsFor(input: FleetInput): Holds {
  const reasons: string[] = [];
  const network = fleetNetwork(input);
  const solution = solveFleet(network);
  const busy = network.stations.filter((_, index) => (solution.utilisation[index] ?? 0) > BUSY);
  const perMs = (foundShare: number) => solveFleet(fleetNetwork(input, AS_GIVEN, foundShare)).tasksPerMs;
  const gap = perMs(1) / perMs(0) - 1;
  if (gap > SLOT_GAP && (input.work.variation.tool < REGULAR || gap > WIDE_GAP)) {
    reasons.push(
      `more conversations than slots on a GPU: whether one finds its prompt still in its slot decides over ${Math.round(gap * 100)} % of the throughput, and is only approximated`,
    );
  }
  if (busy.some(({ name }) => name === "API answers at once")) {
    reasons.push(
      "the output tokens reserved for answers in progress (max_tokens) use up the API's limit: who is refused waits longer than needed",
    );
  }
  const uses = stationUses(input);
  const inStep = uses.find(({ kind, utilisation }) => kind === "gpu" && utilisation > HALF && utilisation < FULL);
  const { variation } = input.work;
  const regularCores =
    variation.tool < REGULAR && variation.tokens < REGULAR && uses.some(({ utilisation }) => utilisation > HALF);
  if (regularCores) {
    reasons.push("tools and requests that never vary, and something busy: agents fall into step");
  } else if (inStep && variation.tokens < REGULAR) {
    reasons.push(
      `requests of nearly the same size on ${inStep.name}, which is busy but not full: agents fall into step, for better with one slot and for worse with several`,
    );
  }
  const limit = network.stations.findIndex(({ name }) => name === "API input tokens");
  if ((solution.utilisation[limit] ?? 0) > NEAR_LIMIT) {
    reasons.push(
      "close to the API's limit of input tokens small requests get through while large ones wait: more gets done than the mean says",
    );
  }
  const cores = uses.find(({ kind, utilisation }) => kind === "cpu" && utilisation > BUSY);
  const away = network.stations.find(({ kind }, index) => kind === "gpu" && (solution.utilisation[index] ?? 0) > HALF);
  if (cores && away) {
    reasons.push(
      `${cores.name} and ${away.name} are both busy, and the latter serves agents of other hosts: they take work from each other`,
    );
  }
  const full = busy.filter(({ kind, law }) => kind !== "hub" && law === "queue");
  if (new Set(full.map(({ kind }) => kind)).size > 1) {
    reasons.push(`${full.map(({ name }) => name).join(" and ")} are both busy and shared: they take work from each other`);
  }
  return { ok: reasons.length === 0, reasons };
}
