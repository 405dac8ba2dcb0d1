/** A workload as commands to the load generator's process, and its answers as facts of a trial. */
import type { Tokens } from "@hubscale/sidecar-sim";
import type { BesideLoad } from "../load/beside-tasks.ts";
import type { Load, StageLatencies, TrialResult, TrialShape } from "../load/generator-protocol.ts";
import type { GeneratorProcess } from "../load/generator-process.ts";
import type { LateBound } from "../load/late-count.ts";
import { allowedShare, type Slo } from "../measure/slo.ts";
import { type Workload, workTimeOf } from "../workload/workload.ts";
import { checkedHistoryOf } from "./checked-history.ts";
import type { CheckedHistory, LoadGenerator, MeasuredTrial, TrialPlan } from "./contender.ts";

export interface GeneratorTarget {
  ws: readonly string[];
  http: readonly string[];
  workload: Workload;
  /** What a task may take before it is late, the agent's work included: completions count until this long after the window. */
  graceMs: number;
  seed: number;
  /** Agent ids begin with this; new for each run against one hub. */
  prefix: string;
  /** Tokens from an earlier run. */
  known?: Tokens;
  /** Ended with the program, whatever happens next. */
  openGenerator(): Promise<GeneratorProcess>;
}

/** Submissions that may be under way at one node; beyond them they wait in the generator, and their latency says so. */
const HTTP_CONNECTIONS_PER_NODE = 64;
const CONNECT_LIMIT_MS = 60_000;

export class GeneratedLoad implements LoadGenerator {
  /** All that are known now. */
  readonly tokens: Tokens;
  readonly #process: GeneratorProcess;
  readonly #target: GeneratorTarget;
  #trials = 0;

  /** Starts a generator process and connects its agents. Rejects when the hub cannot be reached or refuses them. */
  static async start(target: GeneratorTarget): Promise<GeneratedLoad> {
    const process = await target.openGenerator();
    const { tokens } = await process.connect({
      ws: target.ws,
      http: target.http,
      agents: target.workload.agents,
      seed: target.seed,
      behaviour: {
        workTime: workTimeOf(target.workload),
        progress: target.workload.streaming ? { tokensPerSec: STREAMED_TOKENS_PER_SEC, model: "simulated" } : null,
        failure: { share: 0, as: "failed" },
        outputChars: OUTPUT_CHARS,
      },
      timeScale: 1,
      prefix: target.prefix,
      httpConnections: HTTP_CONNECTIONS_PER_NODE,
      limitMs: CONNECT_LIMIT_MS,
      ...(target.known && { known: target.known }),
    });
    return new GeneratedLoad(process, target, tokens);
  }

  private constructor(process: GeneratorProcess, target: GeneratorTarget, tokens: Tokens) {
    this.tokens = tokens;
    this.#process = process;
    this.#target = target;
  }

  async probe(inFlight: number, durationMs: number, seed: number) {
    const result = await this.#trial(
      { mode: "closed", inFlight },
      { durationMs, warmupMs: durationMs / 4, drainLimitMs: 15_000, seed },
    );
    return { rate: result.inWindow.completed / (durationMs / 1000), paid: result.whole.completed, drainMs: result.drainMs };
  }

  async trial(plan: TrialPlan): Promise<MeasuredTrial> {
    const { load, slo, ...shape } = plan;
    const { arrivals } = this.#target.workload;
    const beside = besideOf(this.#target.workload);
    const result = await this.#trial(
      { mode: "open", ratePerSec: load, arrivals },
      { ...shape, hopeless: lateBoundOf(slo), beside },
    );
    return {
      durationMs: result.durationMs,
      endedEarly: result.endedEarly,
      offered: result.window.offered,
      acknowledged: result.window.acknowledged,
      unacknowledged: result.window.offered - result.window.acknowledged,
      completedInTime: result.window.completedInTime,
      completed: result.whole.completed,
      latencyMs: quantilesOf(result.latency),
      serviceMs: quantilesOf(result.service),
      histograms: { response: histogramsOf(result.latency), service: histogramsOf(result.service) },
      backlog: result.backlog,
      drained: result.drained,
      drainMs: result.drainMs,
      checked: { ...checkedHistoryOf(result.history), unfinished: result.history.unfinished + result.history.unverified },
      generator: {
        cpuShare: result.generator.cpuShare,
        scheduleLagMsP99: result.generator.scheduleLagMs.p99,
        loopDelayMsP99: result.generator.loopDelayMs.p99,
      },
    };
  }

  cpuSeconds(): Promise<number> {
    return this.#process.cpuSeconds();
  }

  async close(): Promise<CheckedHistory> {
    return checkedHistoryOf(await this.#process.close());
  }

  #trial(
    load: Load,
    shape: Pick<TrialShape, "durationMs" | "warmupMs" | "drainLimitMs" | "seed" | "hopeless" | "beside">,
  ): Promise<TrialResult> {
    const { workload, graceMs } = this.#target;
    return this.#process.trial({
      kind: "trial",
      id: String(++this.#trials),
      graceMs,
      descriptionChars: workload.task.description_chars,
      metadataBytes: workload.task.metadata_bytes,
      ...shape,
      ...load,
    });
  }
}

function besideOf({ beside }: Workload): BesideLoad | undefined {
  return (
    beside && {
      statusChangesPerSec: beside.status_changes_per_sec ?? 0,
      messagesPerSec: beside.messages_per_sec ?? 0,
      broadcastsPerSec: beside.broadcasts_per_sec ?? 0,
      reconnectsPerSec: beside.reconnects_per_sec ?? 0,
      cutShare: beside.cut_share ?? 0,
    }
  );
}

function lateBoundOf(slo: Slo): LateBound | undefined {
  const { stage, boundMs } = slo;
  return stage === "submit" || stage === "assign" || stage === "complete"
    ? { stage, boundMs, share: allowedShare(slo) }
    : undefined;
}

function quantilesOf(stages: StageLatencies) {
  const of = ({ ms }: StageLatencies["assign"]) => ({ p50: ms.p50, p99: ms.p99 });
  return { submit: of(stages.submit), assign: of(stages.assign), complete: of(stages.complete) };
}

function histogramsOf({ submit, assign, complete }: StageLatencies) {
  return { submit: submit.hdrMicros, assign: assign.hdrMicros, complete: complete.hdrMicros };
}

/** A model that streams at the median speed of coding agents' traces, 50 tokens/s (TraceLab, arXiv 2606.30560). */
const STREAMED_TOKENS_PER_SEC = 50;
/** About the result that the recorded sidecar sent, padded to the size of a short answer. */
const OUTPUT_CHARS = 200;
