/** A load that is held, seen as the generator of a contender: its trials, its cost, its history. */
import { GeneratorFailed, type GeneratorProcess } from "../load/generator-process.ts";
import type { HeldLoadSetting } from "../load/held-load.ts";
import { allowedShare } from "../measure/slo.ts";
import { checkedHistoryOf } from "./checked-history.ts";
import type { CheckedHistory, LoadGenerator, MeasuredTrial, TrialPlan } from "./contender.ts";
import type { QuantityPlan } from "./quantity.ts";

export interface HeldTarget extends Omit<HeldLoadSetting, "load" | "limitMs"> {
  plan: QuantityPlan;
  /** Ended with the program, whatever happens next. */
  openGenerator(): Promise<GeneratorProcess>;
}

export class HeldGenerator implements LoadGenerator {
  readonly #process: GeneratorProcess;
  readonly #plan: QuantityPlan;

  static async start({ plan, openGenerator, ...setting }: HeldTarget): Promise<HeldGenerator> {
    const process = await openGenerator();
    await process.open({ ...setting, load: plan.load, limitMs: BRING_LIMIT_MS });
    return new HeldGenerator(process, plan);
  }

  private constructor(process: GeneratorProcess, plan: QuantityPlan) {
    this.#process = process;
    this.#plan = plan;
  }

  /** The first one also brings the agents. Rejects when the hub does not bear even so little. */
  async probe(amount: number, durationMs: number, seed: number) {
    const held = await this.#process.hold({ amount, durationMs, warmupMs: durationMs / 4, seed });
    return { rate: amount, paid: held.carried, drainMs: 0 };
  }

  async trial({ load, slo, durationMs, warmupMs, seed }: TrialPlan): Promise<MeasuredTrial> {
    const hopeless = { boundMs: slo.boundMs, share: allowedShare(slo) };
    try {
      const held = await this.#process.hold({ amount: load, durationMs, warmupMs, seed, hopeless });
      const { latency, service, generator } = held;
      return {
        ...NO_TASKS,
        what: this.#plan.what,
        trouble: held.trouble,
        durationMs: held.durationMs,
        endedEarly: held.endedEarly,
        offered: held.expected,
        acknowledged: held.arrived,
        completedInTime: held.arrived,
        completed: Math.round(held.carried),
        latencyMs: { [slo.stage]: { p50: latency.ms.p50, p99: latency.ms.p99 } },
        serviceMs: { [slo.stage]: { p50: service.ms.p50, p99: service.ms.p99 } },
        generator: {
          cpuShare: generator.cpuShare,
          scheduleLagMsP99: generator.scheduleLagMs.p99,
          loopDelayMsP99: generator.loopDelayMs.p99,
        },
      };
    } catch (error) {
      if (!(error instanceof GeneratorFailed) || error.code !== "cannot_hold") throw error;
      return { ...NO_TASKS, what: this.#plan.what, trouble: error.message };
    }
  }

  cpuSeconds(): Promise<number> {
    return this.#process.cpuSeconds();
  }

  async close(): Promise<CheckedHistory> {
    return checkedHistoryOf(await this.#process.close());
  }
}

/** For the hub to take an agent, and to give it a task. */
const BRING_LIMIT_MS = 15_000;

/** One that did not come: what could not even begin is a miss, not a trial without facts. */
const NO_TASKS = {
  durationMs: 0,
  endedEarly: false,
  offered: 1,
  acknowledged: 0,
  unacknowledged: 0,
  completedInTime: 0,
  completed: 0,
  latencyMs: {},
  serviceMs: {},
  histograms: null,
  backlog: [],
  drained: true,
  drainMs: 0,
  generator: { cpuShare: 0, scheduleLagMsP99: 0, loopDelayMsP99: 0 },
} satisfies MeasuredTrial;
