import type { SidecarEvent, TaskTraffic } from "@hubscale/sidecar-sim";
import { type ArrivalProcess, arrivalTimes } from "./arrivals.ts";
import type { HistoryVerdict } from "./history-check.ts";
import type { WireCounters } from "./generator-protocol.ts";
import { LatencyRecord } from "./latency-record.ts";
import type { LoadGenerator } from "./load-generator.ts";
import { sendOnSchedule } from "./load-source.ts";
import { ProcessFleet } from "./process-fleet.ts";
import type { ProcessLoad, ProcessWatch } from "./process-load.ts";
import { TrialRecord } from "./trial-record.ts";

export interface FreeRunOptions {
  /** Null: the agents only do what others submit. */
  load: (ArrivalProcess & { bodyOf(number: number): string }) | null;
  /** Null: until the signal. */
  durationMs: number | null;
  drainLimitMs: number;
  /** `tick` is called this often. */
  everyMs: number;
  watch: ProcessWatch;
  signal: AbortSignal;
  tick(state: FreeRunState): void;
}

/** Sums since the start. The agents' counts include tasks that others submitted. */
export interface FreeRunState {
  elapsedMs: number;
  online: number;
  busy: number;
  assigned: number;
  completed: number;
  failed: number;
  rejected: number;
  refusedOutcomes: number;
  disconnected: number;
  rateLimited: number;
  errors: Record<string, number>;
  /** Submissions of this run. */
  submitted: number;
  acknowledged: number;
  unacknowledged: Record<string, number>;
  open: number;
}

export interface FreeRunEnd {
  state: FreeRunState;
  drained: boolean;
  /** Sums over the run. */
  counters: WireCounters;
  traffic: TaskTraffic;
  /** Each process with agents, this one first. */
  loads: ProcessLoad[];
  /** By how much submissions left after their intended time. */
  scheduleLagMsP99: number;
  /** Milliseconds from the intended submission; NaN when nothing was submitted. */
  assignMs: { p50: number; p99: number };
  completeMs: { p50: number; p99: number };
  history: HistoryVerdict;
}

/** Drives a hub by hand, without a measured window, until the time is over or the signal comes. */
export async function runFreely(generator: LoadGenerator, options: FreeRunOptions): Promise<FreeRunEnd> {
  const { clock } = generator;
  const startMs = clock.monotonicMs();
  const durationMs = options.durationMs ?? Number.POSITIVE_INFINITY;
  const shape = { warmupMs: 0, durationMs, graceMs: 0 };
  const record = new TrialRecord(shape, startMs, (event) => generator.note(event));
  const agents = { assigned: 0, completed: 0, failed: 0 };
  const traffic: TaskTraffic = { ollama: { upBytes: 0, downBytes: 0 }, api: { upBytes: 0, downBytes: 0 } };
  const lag = new LatencyRecord();
  const before = generator.counters();
  options.watch.restart();
  generator.listen((event) => {
    record.heard(event);
    count(agents, event);
    if (event.type === "outcome_sent") addTraffic(traffic, event.result.traffic);
  });
  const state = (): FreeRunState => ({
    elapsedMs: clock.monotonicMs() - startMs,
    online: generator.fleet.online,
    busy: generator.fleet.busy,
    ...agents,
    rejected: record.sidecars.rejected,
    refusedOutcomes: record.sidecars.refused,
    disconnected: record.sidecars.disconnected,
    rateLimited: record.sidecars.rateLimited,
    errors: record.sidecars.errors,
    submitted: record.whole.offered,
    acknowledged: record.whole.acknowledged,
    unacknowledged: { ...record.whole.refused, ...record.whole.failed },
    open: record.open,
  });
  const stopTicking = clock.every(options.everyMs, () => options.tick(state()));
  const stop = new AbortController();
  const ending = AbortSignal.any([options.signal, stop.signal]);
  const sending = options.load ? submit(generator, record, options.load, { startMs, lag, signal: ending }) : undefined;
  await generator.until(startMs + durationMs, options.signal);
  stop.abort();
  await sending;
  const drained = await generator.drain(record, clock.monotonicMs() + options.drainLimitMs);
  stopTicking();
  const history = await generator.check();
  generator.listen(undefined);
  const { fleet } = generator;
  const after = generator.counters();
  const counters = { ...after };
  for (const key of Object.keys(counters) as (keyof WireCounters)[]) counters[key] -= before[key];
  return {
    state: state(),
    drained,
    counters,
    traffic,
    loads: [options.watch.read(), ...(fleet instanceof ProcessFleet ? fleet.loads : [])],
    scheduleLagMsP99: lag.quantileMs(99),
    assignMs: record.quantilesMs("assign"),
    completeMs: record.quantilesMs("complete"),
    history,
  };
}

function submit(
  generator: LoadGenerator,
  record: TrialRecord,
  load: NonNullable<FreeRunOptions["load"]>,
  { startMs, lag, signal }: { startMs: number; lag: LatencyRecord; signal: AbortSignal },
): Promise<void> {
  const { clock, submitter } = generator;
  let number = 0;
  const send = (intendedMs: number) => {
    const body = load.bodyOf(number++);
    const sentMs = clock.monotonicMs();
    lag.add(sentMs - intendedMs);
    const sent = record.sent(intendedMs, sentMs);
    submitter.submit(body, (submission) => record.answered(sent, submission, clock.monotonicMs()));
  };
  return sendOnSchedule(clock, startMs, arrivalTimes(load), send, signal);
}

function count(agents: { assigned: number; completed: number; failed: number }, event: SidecarEvent): void {
  if (event.type === "assigned") agents.assigned++;
  // One that nobody waited for is no further outcome.
  if (event.type !== "outcome_acked" || event.generation === null) return;
  if (event.status === "complete") agents.completed++;
  else agents.failed++;
}

function addTraffic(sum: TaskTraffic, more: TaskTraffic): void {
  for (const segment of ["ollama", "api"] as const) {
    sum[segment].upBytes += more[segment].upBytes;
    sum[segment].downBytes += more[segment].downBytes;
  }
}
