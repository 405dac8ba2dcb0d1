/** The capacity of hubs in another quantity than tasks, found in the same way: in turn, by trials that hold or miss. */
import { readFileSync } from "node:fs";
import type { Estimate } from "../measure/estimate.ts";
import type { HubResult, TrialSummary } from "../results/compare-result.ts";
import { appliedSlo } from "./applied-slo.ts";
import { type CheckedHistory, Contender, type ContenderOptions, type HubLimits } from "./contender.ts";
import type { ReadyEntrant } from "./entrant.ts";
import { type HeldQuantity, QUANTITIES } from "./quantity.ts";

export interface QuantityFound {
  capacity: Estimate | null;
  /** Why there is none, or how it is to be read; empty: as any other. */
  note: string;
  trials: TrialSummary[];
  checked: CheckedHistory;
}

/** What the trials of a quantity have in common with those of tasks. */
export type QuantitySetting = Omit<
  ContenderOptions,
  "hub" | "generator" | "slo" | "unit" | "leastPerTrial" | "maxLoad" | "probeInFlight" | keyof HubLimits
> & { coresPerMachine: number | null };

export interface QuantityTurn {
  entrant: ReadyEntrant;
  /** As for the hub's tasks. */
  limits: HubLimits;
}

interface Candidate extends QuantityTurn {
  contender: Contender | undefined;
  /** The hub bears not even the probe. */
  refusal: string;
}

/** In the order of `turns`. The agents of the tasks' generator must have left. */
export async function searchQuantity(
  quantity: HeldQuantity,
  turns: readonly QuantityTurn[],
  setting: QuantitySetting,
  tell: (doing: string) => void,
): Promise<QuantityFound[]> {
  const candidates: Candidate[] = [];
  for (const turn of turns) candidates.push(await candidateOf(quantity, turn, setting, tell));
  const contenders = candidates.flatMap(({ contender }) => contender ?? []);
  const steps = quantity === "connections" ? growingSteps() : undefined;
  for (;;) {
    const open = contenders.filter((contender) => !(steps ? hasGrown(contender, steps) : contender.finished));
    if (open.length === 0) break;
    for (const contender of open) {
      const load = steps ? steps[contender.trials.length] : undefined;
      tell(`${contender.hub.id}: ${Math.round(load ?? contender.search?.nextLoad() ?? 0)} ${QUANTITIES[quantity].unit}`);
      await contender.trial(load);
    }
  }
  const found: QuantityFound[] = [];
  for (const candidate of candidates) found.push(await foundBy(candidate, quantity, steps));
  return found;
}

async function candidateOf(
  quantity: HeldQuantity,
  turn: QuantityTurn,
  { coresPerMachine, ...setting }: QuantitySetting,
  tell: (doing: string) => void,
): Promise<Candidate> {
  const plan = QUANTITIES[quantity];
  const { hub } = turn.entrant;
  tell(`${hub.id}: ${plan.unit}, warming up`);
  const generator = await turn.entrant.hold(plan);
  const contender = new Contender({
    ...setting,
    ...turn.limits,
    hub,
    generator,
    slo: appliedSlo({ slo: plan.slo, coresPerMachine }),
    unit: plan.unit,
    leastPerTrial: 0,
    maxLoad: plan.maxLoad,
    probeInFlight: plan.probe,
  });
  try {
    await generator.probe(plan.probe, BRING_MS, setting.seed);
    await contender.settle();
    if (quantity !== "connections") await contender.probe();
    return { ...turn, contender, refusal: "" };
  } catch (error) {
    return { ...turn, contender: undefined, refusal: (error as Error).message };
  }
}

/** The first probe brings the agents; it is not measured. */
const BRING_MS = 300;

async function foundBy(
  { contender, refusal }: Candidate,
  quantity: HeldQuantity,
  steps: readonly number[] | undefined,
): Promise<QuantityFound> {
  if (!contender) return { capacity: null, note: refusal, trials: [], checked: NOTHING_CHECKED };
  const checked = await contender.finish();
  const { trials } = contender;
  const reading = steps ? grownTo(trials, steps) : searchedIn(contender, quantity);
  return { ...reading, trials, checked };
}

/** What the trials of a search say: a capacity between what held and what was missed, or why there is none. */
export function searchedIn(
  { search, trials }: Pick<Contender, "search" | "trials">,
  quantity: HeldQuantity,
): Pick<QuantityFound, "capacity" | "note"> {
  const counted = trials.filter((trial) => trial.outcome !== "invalid");
  const held = counted.filter((trial) => trial.outcome === "held").map((trial) => trial.load);
  const { unit, maxLoad } = QUANTITIES[quantity];
  if (counted.length * 2 < trials.length || counted.length === 0) {
    return { capacity: null, note: `most trials were spoilt by the load generator: ${trials[0]?.reasons[0] ?? "none ran"}` };
  }
  if (held.length === 0) return { capacity: null, note: `it held no load that was tried: ${counted[0]?.reasons[0] ?? ""}` };
  if (held.length === counted.length) {
    const most = Math.max(...held);
    const why = most >= maxLoad ? "the load generator offers no more" : "no load was tried that it misses";
    return { capacity: atLeast(most, held.length, unit), note: `at least ${Math.round(most)} ${unit}: ${why}` };
  }
  const missed = counted.filter((trial) => trial.outcome === "missed");
  if (missed.every(neverBegan)) {
    // What the hub does under more load than it held was not seen.
    const most = Math.max(...held);
    const why = `what was more could not be brought to run: ${missed[0]?.reasons[0] ?? ""}`;
    return { capacity: atLeast(most, held.length, unit), note: `at least ${Math.round(most)} ${unit}: ${why}` };
  }
  return { capacity: search?.estimate() ?? null, note: "" };
}

/** A load that is held has to be there first; a trial without it took no time. */
function neverBegan({ durationMs }: TrialSummary): boolean {
  return durationMs === 0;
}

function atLeast(value: number, n: number, unit: string): Estimate {
  return { value, low: value, high: value, n, unit: `${unit}, at least` };
}

/** Agents that are there cannot be made fewer without a storm of goodbyes, so their number grows until it is too much. */
function growingSteps(): number[] {
  const most = Math.min(QUANTITIES.connections.maxLoad, openFilesLimit() - SPARE_FILES);
  const steps: number[] = [];
  for (let size = FIRST_STEP; size < most; size *= GROWTH) steps.push(Math.round(size));
  return [...steps, most];
}

const FIRST_STEP = 128;
const GROWTH = Math.SQRT2;
/** Of the load generator, for anything but agents. */
const SPARE_FILES = 300;

/** Of a process on this machine; the programs that we start have the same. */
function openFilesLimit(): number {
  if (process.platform !== "linux") return QUANTITIES.connections.maxLoad;
  const soft = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
  return soft === undefined ? QUANTITIES.connections.maxLoad : Number(soft);
}

function hasGrown({ trials }: Contender, steps: readonly number[]): boolean {
  return trials.length >= steps.length || trials.some((trial) => trial.outcome !== "held");
}

function grownTo(trials: readonly TrialSummary[], steps: readonly number[]): Pick<QuantityFound, "capacity" | "note"> {
  const held = trials.filter((trial) => trial.outcome === "held");
  const stopped = trials.find((trial) => trial.outcome !== "held");
  const most = held.at(-1)?.load;
  const { unit } = QUANTITIES.connections;
  if (most === undefined) return { capacity: null, note: `not even ${steps[0]} agents: ${stopped?.reasons[0] ?? ""}` };
  if (stopped?.outcome === "missed") {
    const note = `${most} held, ${stopped.load} not: ${stopped.reasons[0] ?? ""}`;
    return { capacity: { value: most, low: most, high: stopped.load, n: trials.length, unit }, note };
  }
  const why = stopped
    ? `the load generator could not do more: ${stopped.reasons[0] ?? ""}`
    : "this machine's limit of open files";
  return { capacity: atLeast(most, held.length, unit), note: `at least ${most} connections: ${why}` };
}

const NOTHING_CHECKED: CheckedHistory = {
  history: { submitted: 0, acknowledged: 0, completed: 0, deadLettered: 0, lost: 0, duplicated: 0, staleAccepted: 0 },
  offending: [],
};

/** Why a quantity has no number that nobody has looked for. */
export function notSearched(effort: string): string {
  return `not searched at effort ${effort}; \`bench search --quantity\` or a higher effort does`;
}

export function notesFor(found: Partial<Record<HeldQuantity, QuantityFound>>, effort: string) {
  const notes: NonNullable<HubResult["capacityNotes"]> = {};
  for (const quantity of Object.keys(QUANTITIES) as HeldQuantity[]) {
    const note = found[quantity] ? found[quantity].note : notSearched(effort);
    if (note !== "") notes[quantity] = note;
  }
  return notes;
}
