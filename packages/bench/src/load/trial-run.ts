import { arrivalsWithin } from "./arrivals.ts";
import { SidecarFleet } from "@hubscale/sidecar-sim";
import { goOnBeside } from "./beside-tasks.ts";
import type { TrialCommand, TrialPhase, TrialResult, WireCounters } from "./generator-protocol.ts";
import { type HistoryEvent, RunHistory } from "./history-check.ts";
import { LateCount } from "./late-count.ts";
import type { LoadGenerator } from "./load-generator.ts";
import { ClosedLoad, type Send, sendOnSchedule } from "./load-source.ts";
import { SelfMeasure } from "./self-measure.ts";
import { taskBody } from "./task-body.ts";
import { TrialRecord } from "./trial-record.ts";

const BACKLOG_SAMPLE_MS = 50;
/** Beyond what a task may take: the slowest hub here ends one each half second. */
const IDLE_DRAIN_MS = 4_000;
/** From the command to the first intended time, so that the first submission is not late by the set-up. */
const LEAD_MS = 20;

/** One trial: warm-up, measured window, drain, and the look-up of what did not end. */
export async function runTrial(
  generator: LoadGenerator,
  command: TrialCommand,
  enter: (phase: TrialPhase) => void,
): Promise<TrialResult> {
  const { clock } = generator;
  if (command.behaviour) generator.fleet.setBehaviour(command.behaviour);
  const before = generator.counters();
  const history = new RunHistory();
  const note = (event: HistoryEvent) => {
    history.note(event);
    generator.note(event);
  };
  const startMs = clock.monotonicMs() + LEAD_MS;
  const windowMs = startMs + command.warmupMs;
  let endMs = windowMs + command.durationMs;
  const offsets = command.mode === "open" ? arrivalsWithin(command, command.warmupMs + command.durationMs) : undefined;
  const watched = offsets && lateCountOf(command, offsets);
  const record = new TrialRecord(command, startMs, note, watched);
  const self = new SelfMeasure();
  const stop = new AbortController();
  const offer = prepare(generator, command, record, self, { startMs, endMs, offsets, signal: stop.signal });

  // Agents of other processes cannot be made to say something; the bench's own trials have theirs here.
  const stopBeside =
    command.beside && generator.fleet instanceof SidecarFleet
      ? goOnBeside(generator.fleet, generator.agentId, clock, command.beside, { from: windowMs, length: command.durationMs })
      : () => undefined;
  enter("warmup");
  const offered = generator.until(startMs).then(offer);
  await generator.until(windowMs);
  enter("load");
  self.start();
  const backlog: TrialResult["backlog"] = [];
  const stopSampling = clock.every(BACKLOG_SAMPLE_MS, () => {
    const nowMs = clock.monotonicMs();
    backlog.push({ atMs: nowMs - windowMs, tasks: record.open });
    if (watched?.count.isHopeless(nowMs)) stop.abort();
  });
  await generator.until(endMs, stop.signal);
  stopSampling();
  stopBeside();
  if (stop.signal.aborted) {
    endMs = clock.monotonicMs();
    record.cutShort(endMs);
  }
  const load = self.stop();
  await offered;

  enter("drain");
  const drained = await generator.drain(record, endMs + command.drainLimitMs, command.graceMs + IDLE_DRAIN_MS);
  enter("verify");
  await generator.lookUpOpen(history, note);
  generator.listen(undefined);
  return {
    kind: "trialResult",
    id: command.id,
    window: record.window,
    whole: record.whole,
    inWindow: record.inWindow,
    latency: record.latency(),
    service: record.service(),
    backlog,
    durationMs: endMs - windowMs,
    endedEarly: stop.signal.aborted,
    drained,
    drainMs: drained ? record.lastEndMs - endMs : command.drainLimitMs,
    generator: load,
    counters: difference(generator.counters(), before),
    sidecars: record.sidecars,
    history: history.verdict(),
  };
}

/** Readies the load, so that offering it is only sending. The load runs from the call of the result until `endMs`. */
function prepare(
  generator: LoadGenerator,
  command: TrialCommand,
  record: TrialRecord,
  self: SelfMeasure,
  span: { startMs: number; endMs: number; offsets: Float64Array | undefined; signal: AbortSignal },
): () => Promise<void> {
  const { clock, submitter } = generator;
  const body = taskBody(command);
  let closedLoad: ClosedLoad | undefined;
  const send: Send = (intendedMs) => {
    const sentMs = clock.monotonicMs();
    const sent = record.sent(intendedMs, sentMs);
    if (sent.inWindow) self.sent(sentMs - intendedMs, record.unanswered);
    submitter.submit(body, (submission) => {
      // A completion that overtook its 201 frees the task's place only now.
      const over = record.answered(sent, submission, clock.monotonicMs());
      if (!submission.ok) closedLoad?.refused();
      else if (over) closedLoad?.ended();
    });
  };
  generator.listen((event) => {
    if (record.heard(event)) closedLoad?.ended();
  });
  const { offsets } = span;
  if (offsets) return () => sendOnSchedule(clock, span.startMs, offsets, send, span.signal);
  closedLoad = new ClosedLoad(clock, span.endMs, send);
  const inFlight = command.mode === "closed" ? command.inFlight : 0;
  return () => closedLoad.run(inFlight);
}

function lateCountOf({ hopeless, warmupMs }: TrialCommand, offsets: Float64Array) {
  if (!hopeless) return undefined;
  const planned = offsets.filter((atMs) => atMs >= warmupMs).length;
  return { stage: hopeless.stage, count: new LateCount(hopeless, planned) };
}

function difference(after: WireCounters, before: WireCounters): WireCounters {
  const left = { ...after };
  for (const key of Object.keys(left) as (keyof WireCounters)[]) left[key] -= before[key];
  return left;
}
