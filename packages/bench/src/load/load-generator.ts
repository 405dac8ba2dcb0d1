import { type Clock, register, type SidecarEvent, SidecarFleet, type Tokens } from "@hubscale/sidecar-sim";
import { arrivalTimes } from "./arrivals.ts";
import type { ConnectCommand, FailureCode, TrialCommand, TrialPhase, TrialResult, WireCounters } from "./generator-protocol.ts";
import { type HistoryEvent, type HistoryVerdict, RunHistory } from "./history-check.ts";
import { ClosedLoad, type Send, sendOnSchedule } from "./load-source.ts";
import { SelfMeasure } from "./self-measure.ts";
import { Submitter } from "./submitter.ts";
import { taskBody } from "./task-body.ts";
import { TrialRecord } from "./trial-record.ts";

export interface GeneratorListener {
  phase(id: string, phase: TrialPhase): void;
  note(text: string): void;
}

/** `tokens`: all that are known after it, to be kept where a later run may need them. Times in milliseconds. */
export type Connected =
  | { ok: true; ms: number; registerMs: number; generator: LoadGenerator; tokens: Tokens }
  | { ok: false; code: FailureCode; detail: string; tokens: Tokens };

/** Registrations under way at once. A hub that writes its tokens durably one by one gains nothing from more. */
const REGISTRATIONS_IN_FLIGHT = 32;
const LOOK_UPS_IN_FLIGHT = 32;
/** More tasks than this left open are a verdict by themselves; the rest are not looked up. */
const LOOK_UPS_MAX = 5_000;
const BACKLOG_SAMPLE_MS = 50;
/** From the command to the first intended time, so that the first submission is not late by the set-up. */
const LEAD_MS = 20;

/** The sidecars and the submitter of one hub, in one process, so that each latency starts and ends on one clock. */
export class LoadGenerator {
  readonly #clock: Clock;
  readonly #listener: GeneratorListener;
  readonly #fleet: SidecarFleet;
  readonly #submitter: Submitter;
  readonly #history: RunHistory;
  #record: TrialRecord | undefined;
  #closedLoad: ClosedLoad | undefined;

  private constructor(parts: {
    clock: Clock;
    listener: GeneratorListener;
    fleet: SidecarFleet;
    submitter: Submitter;
    history: RunHistory;
  }) {
    this.#clock = parts.clock;
    this.#listener = parts.listener;
    this.#fleet = parts.fleet;
    this.#submitter = parts.submitter;
    this.#history = parts.history;
  }

  /** Registers and connects the agents and a submitter. On a refusal everything that was opened is closed again. */
  static async connect(
    command: ConnectCommand,
    clock: Clock,
    listener: GeneratorListener,
    known: Tokens = new Map(),
  ): Promise<Connected> {
    const startedMs = clock.monotonicMs();
    const agentIds = Array.from({ length: command.agents }, (_, index) => `${command.prefix}-${index}`);
    const submitterId = `${command.prefix}-submitter`;
    const registration = await register({
      httpUrls: command.http,
      agentIds: [submitterId, ...agentIds].filter((agentId) => !known.has(agentId)),
      requestsInFlight: REGISTRATIONS_IN_FLIGHT,
      onWait: (waitMs, done, total) =>
        listener.note(
          `the hub limits registrations: ${done} of ${total} done, waiting ${Math.ceil(waitMs / 1000)} s as it asks (retry-after)`,
        ),
    });
    const tokens: Tokens = new Map([...known, ...registration.tokens]);
    if (!registration.ok) {
      const code =
        registration.code === "taken" ? "agent_id_taken" : registration.code === "stopped" ? "internal" : registration.code;
      return { ok: false, code, detail: registration.detail, tokens };
    }
    const registerMs = clock.monotonicMs() - startedMs;
    const submitter = new Submitter({
      httpUrls: command.http,
      token: tokens.get(submitterId) ?? "",
      connectionsPerNode: command.httpConnections,
    });
    let generator: LoadGenerator | undefined;
    const fleet = new SidecarFleet({
      wsUrls: command.ws,
      agents: agentIds.map((agentId) => ({ agentId, token: tokens.get(agentId) ?? "" })),
      behaviour: command.behaviour,
      capabilities: ["code"],
      ollamaUrl: null,
      seed: command.seed,
      timeScale: command.timeScale,
      clock,
      onEvent: (event) => generator?.heard(event),
    });
    generator = new LoadGenerator({ clock, listener, fleet, submitter, history: new RunHistory() });
    const connected = await fleet.connect(command.limitMs);
    if (connected.ok) return { ok: true, ms: connected.ms, registerMs, generator, tokens };
    await generator.close();
    return {
      ok: false,
      code: connected.code,
      detail: `${connected.identified} of ${command.agents} agents connected; last: ${connected.detail || "no answer"}`,
      tokens,
    };
  }

  get fleet(): SidecarFleet {
    return this.#fleet;
  }

  /** Sums since the start. */
  counters(): WireCounters {
    const ws = this.#fleet.counters();
    const http = this.#submitter.bytes();
    return {
      wsFramesIn: ws.framesIn,
      wsFramesOut: ws.framesOut,
      wsPresenceFrames: ws.presenceFrames,
      wsBytesIn: ws.bytesIn,
      wsBytesOut: ws.bytesOut,
      httpBytesIn: http.in,
      httpBytesOut: http.out,
    };
  }

  /** Over the whole run, all trials. */
  verdict(): HistoryVerdict {
    return this.#history.verdict();
  }

  async trial(command: TrialCommand): Promise<TrialResult> {
    if (command.behaviour) this.#fleet.setBehaviour(command.behaviour);
    const before = this.counters();
    const trialHistory = new RunHistory();
    const note = (event: HistoryEvent) => {
      trialHistory.note(event);
      this.#history.note(event);
    };
    const startMs = this.#clock.monotonicMs() + LEAD_MS;
    const windowMs = startMs + command.warmupMs;
    const endMs = windowMs + command.durationMs;
    const record = new TrialRecord(command, startMs, note);
    const self = new SelfMeasure();
    this.#record = record;
    const backlog: TrialResult["backlog"] = [];
    const generatorLoad = this.#watchWindow(command, { windowMs, endMs }, record, self, backlog);
    await this.#offer(command, startMs, endMs, this.#sender(command, record, self));
    const generator = await generatorLoad;
    this.#listener.phase(command.id, "drain");
    const drained = await this.#drain(record, endMs + command.drainLimitMs);
    this.#listener.phase(command.id, "verify");
    await this.#lookUpOpen(trialHistory, note);
    this.#record = undefined;
    return {
      kind: "trialResult",
      id: command.id,
      window: record.window,
      whole: record.whole,
      inWindow: record.inWindow,
      latency: record.latency(),
      service: record.service(),
      backlog,
      drained,
      drainMs: drained ? record.lastEndMs - endMs : command.drainLimitMs,
      generator,
      counters: difference(this.counters(), before),
      sidecars: record.sidecars,
      history: trialHistory.verdict(),
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.#fleet.close(), this.#submitter.close()]);
  }

  private heard(event: SidecarEvent): void {
    if (this.#record?.heard(event)) this.#closedLoad?.ended();
  }

  #sender(command: TrialCommand, record: TrialRecord, self: SelfMeasure): Send {
    const body = taskBody(command);
    return (intendedMs) => {
      const sentMs = this.#clock.monotonicMs();
      const sent = record.sent(intendedMs, sentMs);
      if (sent.inWindow) self.sent(sentMs - intendedMs, record.unanswered);
      this.#submitter.submit(body, (submission) => {
        record.answered(sent, submission, this.#clock.monotonicMs());
        if (!submission.ok) this.#closedLoad?.refused();
      });
    };
  }

  async #offer(command: TrialCommand, startMs: number, endMs: number, send: Send): Promise<void> {
    await this.#until(startMs);
    if (command.mode === "open") {
      const times = arrivalTimes({ ...command, durationMs: command.warmupMs + command.durationMs });
      await sendOnSchedule(this.#clock, startMs, times, send);
      return;
    }
    this.#closedLoad = new ClosedLoad(this.#clock, endMs, send);
    await this.#closedLoad.run(command.inFlight);
    this.#closedLoad = undefined;
  }

  /** Announces the phases of the load, and measures this process and the backlog over the window. */
  async #watchWindow(
    command: TrialCommand,
    window: { windowMs: number; endMs: number },
    record: TrialRecord,
    self: SelfMeasure,
    backlog: TrialResult["backlog"],
  ) {
    this.#listener.phase(command.id, "warmup");
    await this.#until(window.windowMs);
    this.#listener.phase(command.id, "load");
    self.start();
    const sample = () => backlog.push({ atMs: this.#clock.monotonicMs() - window.windowMs, tasks: record.open });
    const stopSampling = this.#clock.every(BACKLOG_SAMPLE_MS, sample);
    await this.#until(window.endMs);
    stopSampling();
    return self.stop();
  }

  /** Waits until every submission is answered and every acknowledged task has ended; false at the limit. */
  async #drain(record: TrialRecord, limitMs: number): Promise<boolean> {
    while (record.open > 0) {
      if (this.#clock.monotonicMs() >= limitMs) return false;
      await this.#until(this.#clock.monotonicMs() + DRAIN_LOOK_MS);
    }
    return true;
  }

  /** Asks the hub about tasks that were not seen to end, since an ack can get lost where the task was not. */
  async #lookUpOpen(history: RunHistory, note: (event: HistoryEvent) => void): Promise<void> {
    const open = history.openTasks();
    if (open.length > LOOK_UPS_MAX) {
      this.#listener.note(`${open.length} tasks have not ended; looking up the first ${LOOK_UPS_MAX}`);
    }
    const taskIds = open.slice(0, LOOK_UPS_MAX).values();
    const worker = async () => {
      for (const taskId of taskIds) {
        const status = await this.#submitter.lookUp(taskId);
        if (status !== "unknown") note({ type: "looked_up", taskId, status });
      }
    };
    await Promise.all(Array.from({ length: LOOK_UPS_IN_FLIGHT }, worker));
  }

  #until(atMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.after(Math.max(0, atMs - this.#clock.monotonicMs()), resolve);
    });
  }
}

/** How often the drain is looked at; the time to drain itself comes from the last completion's own time. */
const DRAIN_LOOK_MS = 5;

function difference(after: WireCounters, before: WireCounters): WireCounters {
  const keys = Object.keys(after) as (keyof WireCounters)[];
  return Object.fromEntries(keys.map((key) => [key, after[key] - before[key]])) as unknown as WireCounters;
}
