/** One hub under measurement: its processes, its load generator, what is known of its capacity, and what its trials cost. */
import { CapacitySearch } from "../measure/capacity-search.ts";
import { judgeTrial, type TrialFacts } from "../measure/trial-judgement.ts";
import type { Slo } from "../measure/slo.ts";
import type { RoleResources, StageHistograms, TrialSummary } from "../results/compare-result.ts";
import { ceilingLoad } from "./ceiling-load.ts";
import { together } from "./checked-history.ts";
import { busiestLoop, type LoopTime } from "./loop-time.ts";
import type { CheckedHistory, Point, TrialHistory } from "./point-schema.ts";

export type { CheckedHistory, Point, TrialHistory };

/** A started hub, as far as measuring goes. */
export interface MeasuredHub {
  readonly id: string;
  readonly machines: { hubNodes: number; backboneServers: number };
  /** CPU seconds used so far, by role, from the operating system. */
  cpuSecondsByRole(): Promise<Record<string, number>>;
  /** Begins to count what each role uses; the function that it returns ends it. */
  countResources(): Promise<() => Promise<Record<string, RoleResources>>>;
  lookInside(): Promise<InsideView>;
  describe(): Promise<unknown>;
}

/** The machine that a hub and its load share with whatever else runs there. */
export interface MachineProbe {
  /** Used by whomever since it started. */
  cpuSeconds(): number;
  /** Until the function that it returns ends it: CPU milliseconds that a fixed piece of work took, mean; null: too few samples. */
  startSpeedometer(): () => number | null;
}

/** What a hub tells of itself. */
export interface InsideView {
  /** Of its own work (fsyncs, rows scanned, …) and that of its servers, since their start, summed over the nodes. */
  counters: Record<string, number>;
  /** Scheduling passes and changes that wait at this moment. */
  owed: number;
  /** Of each node's event loop since its start; empty: it does not tell. */
  loops: LoopTime[];
}

export interface TrialPlan {
  /** In what the search counts: tasks a second, agents that stream, messages a second. */
  load: number;
  durationMs: number;
  warmupMs: number;
  /** How long the generator waits for unfinished tasks after the load has stopped. */
  drainLimitMs: number;
  seed: number;
  slo: Slo;
}

/** What the generator saw in one trial. */
export interface MeasuredTrial extends Omit<TrialFacts, "quietAfterMs" | "owed"> {
  /** Tasks completed over the whole trial, warm-up included: those that the CPU was spent on. */
  completed: number;
  /** Of the same stages, from the moment of sending. */
  serviceMs: TrialFacts["latencyMs"];
  /** HdrHistograms, compressed, base64; null for a load without tasks. */
  histograms: { response: StageHistograms; service: StageHistograms } | null;
  endedEarly: boolean;
  /** Of this trial's own tasks; absent for a load without tasks. */
  checked?: TrialHistory;
}

export interface LoadGenerator {
  /**
   * A small load for a while: `rate` is what of it was achieved a second, `paid` how much the hub has paid for, `drainMs` how long
   * the last of it took after the load had ended.
   */
  probe(inFlight: number, durationMs: number, seed: number): Promise<{ rate: number; paid: number; drainMs: number }>;
  trial(plan: TrialPlan): Promise<MeasuredTrial>;
  /** That the generator itself has used, from the operating system. */
  cpuSeconds(): Promise<number>;
  /** Disconnects the agents and hands over the history of the whole run. */
  close(): Promise<CheckedHistory>;
}

export interface ContenderOptions {
  hub: MeasuredHub;
  generator: LoadGenerator;
  slo: Slo;
  trialMs: number;
  warmupMs: number;
  probeMs: number;
  goalHalfWidth: number;
  trialsPerHub: number;
  /** Of the load, as of the capacity. */
  unit: string;
  /** A trial of a slow load may take up to twice as long, to have so many arrivals; 0: never, since nothing arrives at random. */
  leastPerTrial: number;
  /** In the hub's table at the start. Absent: there is none, or it does not matter. */
  completedRows?: number;
  /** What the generator is known to manage. */
  maxLoad: number;
  probeInFlight: number;
  seed: number;
  /** CPU seconds per second that each role may use in all; a role that is missing here is not limited. */
  coresByRole: Record<string, number>;
  /** CPU seconds per second, over all the hub's processes, at which it counts as quiet. */
  quietShare: number;
  /** That under hub and generator; absent: they are not on one machine, or not all is known of them. */
  machine?: MachineProbe;
  /** Waits; injected so that tests need not. */
  sleep(ms: number): Promise<void>;
  nowMs(): number;
}

/** Of the hub alone, whatever is searched. */
export type HubLimits = Pick<ContenderOptions, "coresByRole" | "quietShare" | "machine">;

export class Contender {
  readonly hub: MeasuredHub;
  readonly trials: TrialSummary[] = [];
  readonly countersPerTrial: Record<string, number>[] = [];
  /** Of each trial; null for a load without tasks. */
  readonly histogramsPerTrial: MeasuredTrial["histograms"][] = [];
  readonly #options: ContenderOptions;
  #search: CapacitySearch | undefined;
  #invalidInARow = 0;
  #guess = 0;
  #lastPoint: Point | undefined;
  /** Histories of trials that an earlier start ran. */
  readonly #earlier: TrialHistory[] = [];

  constructor(options: ContenderOptions) {
    this.hub = options.hub;
    this.#options = options;
  }

  get search(): CapacitySearch | undefined {
    return this.#search;
  }

  /**
   * The order of magnitude of the capacity, once the hub has paid for its warm-up: by the utilisation law from the CPU that a
   * few tasks cost, work put off included. What a burst achieved would flatter a hub that defers its work.
   */
  async probe(inFlight = this.#options.probeInFlight): Promise<void> {
    const { generator, probeMs, seed } = this.#options;
    const before = await this.hub.cpuSecondsByRole();
    const probe = await generator.probe(inFlight, probeMs, seed);
    await this.#untilQuiet(RECOVERY_LIMIT_MS);
    const spent = difference(await this.hub.cpuSecondsByRole(), before);
    const ceiling = ceilingLoad(spent, probe.paid, this.#options.coresByRole);
    this.#beginSearch(Math.max(1, ceiling === undefined ? probe.rate : ceiling * EXPECTED_UTILISATION));
  }

  /** Takes the trials of an earlier start for its own: the search goes on as if it had never stopped. After `probe`. */
  takeUp(points: readonly Point[]): void {
    const [first] = points;
    if (!first) return;
    const search = this.#beginSearch(first.guess);
    for (const { summary, counters, histograms, checked } of points) {
      // Measured by a version whose searches went on for longer.
      if (this.finished) break;
      this.#note(search, summary);
      this.countersPerTrial.push(counters);
      this.histogramsPerTrial.push(histograms);
      if (checked) this.#earlier.push(checked);
    }
  }

  /** Of the last trial of this start. */
  get lastPoint(): Point | undefined {
    return this.#lastPoint;
  }

  #beginSearch(guess: number): CapacitySearch {
    this.#guess = guess;
    this.#search = new CapacitySearch({ guess, maxLoad: this.#options.maxLoad, unit: this.#options.unit });
    return this.#search;
  }

  #note(search: CapacitySearch | undefined, summary: TrialSummary): void {
    this.trials.push(summary);
    if (summary.outcome === "invalid") this.#invalidInARow++;
    else {
      this.#invalidInARow = 0;
      search?.record(summary.load, summary.outcome === "held", this.#arrivalsAt(summary.load));
    }
  }

  #durationMsAt(load: number): number {
    const { leastPerTrial, trialMs } = this.#options;
    return Math.max(trialMs, Math.min((leastPerTrial / load) * 1000, 2 * trialMs));
  }

  /** What a trial that ended early would have had, since that it did is no lack of evidence. */
  #arrivalsAt(load: number): number {
    return this.#options.leastPerTrial > 0 ? (load * this.#durationMsAt(load)) / 1000 : Number.POSITIVE_INFINITY;
  }

  /** True when more trials would not change the answer, or cannot, or the hub has had its share of them. */
  get finished(): boolean {
    if (!this.#search) return false;
    if (this.#isAtItsEnd) return true;
    if (this.#search.isOneSided()) return false;
    if (this.hasOutgrownItsTable) return true;
    const valid = this.trials.filter((trial) => trial.outcome !== "invalid").length;
    if (valid >= this.#options.trialsPerHub) return true;
    return valid >= MIN_TRIALS && this.#search.relativeHalfWidth() <= this.#options.goalHalfWidth;
  }

  /**
   * Of a finished search: some more trials, up to as many again, would bring its interval nearer to the goal. Not where a trial has too
   * few tasks for a 99th percentile: some more of these would change little.
   */
  get wouldGainByMore(): boolean {
    if (!this.finished || this.#isAtItsEnd || this.hasOutgrownItsTable || this.fewPerTrial !== null) return false;
    return (this.#search?.relativeHalfWidth() ?? 0) > this.#options.goalHalfWidth;
  }

  /** Tasks in a trial at the capacity, about, where they are too few for a 99th percentile other than the slowest of them; null: they are enough. */
  get fewPerTrial(): number | null {
    if (!this.#search) return null;
    const arrivals = this.#arrivalsAt(this.#search.estimate().value);
    return arrivals < this.#options.leastPerTrial ? Math.round(arrivals) : null;
  }

  get #isAtItsEnd(): boolean {
    const { maxLoad, trialsPerHub } = this.#options;
    if (this.trials.length >= 2 * trialsPerHub || this.#invalidInARow >= HOPELESS_INVALID_TRIALS) return true;
    return this.trials.some((trial) => trial.outcome === "held" && trial.load >= maxLoad);
  }

  /**
   * A hub that reads its whole table for every task and keeps every task in it becomes slower with each: after some hundred it is
   * another hub than the one that was asked about.
   */
  get hasOutgrownItsTable(): boolean {
    const { completedRows } = this.#options;
    if (completedRows === undefined) return false;
    const done = this.trials.reduce((sum, { completed }) => sum + completed, 0);
    const read = this.countersPerTrial.reduce((sum, { rowsRead = 0 }) => sum + rowsRead, 0);
    return done > GROWN_SHARE * completedRows && read > done * completedRows;
  }

  /** Waits until the hub has done what earlier load has left it. */
  async settle(): Promise<void> {
    await this.#untilQuiet(RECOVERY_LIMIT_MS);
  }

  /** Ends the load. What is still under way is waited for first, so that every task has its end in the history. */
  async finish(): Promise<CheckedHistory> {
    await this.#untilQuiet(RECOVERY_LIMIT_MS);
    return together([...this.#earlier, await this.#options.generator.close()]);
  }

  /** At the load where the search can learn most, or at the given one. */
  async trial(load = this.#search?.nextLoad()): Promise<TrialSummary> {
    if (load === undefined) throw new Error(`${this.hub.id}: trial before probe`);
    const { generator, slo, warmupMs, seed, nowMs } = this.#options;
    // A hub that is asked about itself works for that: not for its tasks, so outside of what is counted.
    const before = await this.hub.lookInside();
    const resources = await this.hub.countResources();
    const { machine } = this.#options;
    const machineBefore = machine?.cpuSeconds() ?? null;
    const endSpeedometer = machine?.startSpeedometer();
    const startMs = nowMs();
    const cpuBefore = await this.#cpuOfAllRoles();
    const durationMs = this.#durationMsAt(load);
    const measured = await generator.trial({
      load,
      durationMs,
      warmupMs,
      drainLimitMs: RECOVERY_LIMIT_MS,
      seed: seed + 1 + this.trials.length,
      slo,
    });
    const quietAfterMs = await this.#untilQuiet(QUIET_LIMIT_MS);
    const cpuSecondsByRole = difference(await this.#cpuOfAllRoles(), cpuBefore);
    const wallSeconds = (nowMs() - startMs) / 1_000;
    const machineAfter = machine?.cpuSeconds() ?? null;
    const referenceMs = endSpeedometer?.() ?? null;
    const resourcesByRole = await resources();
    const after = await this.hub.lookInside();
    if (quietAfterMs === null) await this.#untilQuiet(RECOVERY_LIMIT_MS);

    const drained = measured.drained && measured.drainMs <= DRAIN_LIMIT_MS;
    const judgement = judgeTrial({ ...measured, drained, quietAfterMs, owed: after.owed }, slo);
    const counters = difference(after.counters, before.counters);
    this.countersPerTrial.push(counters);
    this.histogramsPerTrial.push(measured.histograms);
    const summary: TrialSummary = {
      load,
      ...judgement,
      offered: measured.offered,
      acknowledged: measured.acknowledged,
      completedInTime: measured.completedInTime,
      assignMsP50: finite(measured.latencyMs.assign?.p50),
      assignMsP99: finite(measured.latencyMs.assign?.p99),
      observedMs: finite(measured.latencyMs[slo.stage]?.[slo.quantile]),
      observedServiceMs: finite(measured.serviceMs[slo.stage]?.[slo.quantile]),
      histograms: {
        response: measured.histograms?.response.assign ?? "",
        service: measured.histograms?.service.assign ?? "",
      },
      endedEarly: measured.endedEarly,
      owed: after.owed,
      loopUtilisation: busiestLoop(before.loops, after.loops),
      drainMs: measured.drainMs,
      quietAfterMs,
      cpuSecondsByRole,
      wallSeconds,
      referenceMs,
      othersCores:
        machineBefore === null || machineAfter === null
          ? null
          : Math.max(0, machineAfter - machineBefore - total(cpuSecondsByRole)) / wallSeconds,
      resourcesByRole,
      completed: measured.completed,
      generatorCpuShare: measured.generator.cpuShare,
      scheduleLagMsP99: measured.generator.scheduleLagMsP99,
      durationMs: measured.durationMs,
    };
    this.#note(this.#search, summary);
    const { histograms, checked = null } = measured;
    this.#lastPoint = { guess: this.#guess, summary, counters, histograms, checked };
    return summary;
  }

  async #cpuOfAllRoles(): Promise<Record<string, number>> {
    const [ofHub, generator] = await Promise.all([this.hub.cpuSecondsByRole(), this.#options.generator.cpuSeconds()]);
    return { ...ofHub, generator };
  }

  /** Milliseconds until the hub's own processes were idle for one window; null: not within the limit. */
  async #untilQuiet(limitMs: number): Promise<number | null> {
    const { nowMs } = this.#options;
    const startMs = nowMs();
    while (nowMs() - startMs < limitMs) {
      const windowStartMs = nowMs();
      const share = await this.#busyShare(QUIET_WINDOW_MS);
      if (share <= this.#options.quietShare) return windowStartMs - startMs;
    }
    return null;
  }

  /** CPU seconds per second of the hub's own roles over a window. */
  async #busyShare(windowMs: number): Promise<number> {
    const { nowMs, sleep } = this.#options;
    const before = total(await this.hub.cpuSecondsByRole());
    const startMs = nowMs();
    await sleep(windowMs);
    return (total(await this.hub.cpuSecondsByRole()) - before) / ((nowMs() - startMs) / 1000);
  }
}

/** Accounting ticks may be 10 ms: a shorter window could not tell a quiet hub from a busy one. */
const QUIET_WINDOW_MS = 200;
/** A sustainable load leaves no debt: what is unpaid this long after the last completion was borrowed. */
const QUIET_LIMIT_MS = 2000;
/** All acknowledged work must be done this soon after the load stops. */
const DRAIN_LIMIT_MS = 1000;
/** How long an overloaded hub may take to come back before the next trial. */
const RECOVERY_LIMIT_MS = 15_000;
/** The search may end early, but not before this many trials counted. */
const MIN_TRIALS = 6;
/** Where the search begins: hubs meet their bound a little before they are out of CPU. */
const EXPECTED_UTILISATION = 0.8;
const HOPELESS_INVALID_TRIALS = 4;
/** Of the completed rows at the start; a task of such a hub costs about that much more then. */
const GROWN_SHARE = 0.2;

function difference(after: Record<string, number>, before: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(after).map(([key, value]) => [key, value - (before[key] ?? 0)]));
}

function total(byRole: Record<string, number>): number {
  return Object.values(byRole).reduce((sum, seconds) => sum + seconds, 0);
}

function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}
