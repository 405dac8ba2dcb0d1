/**
 * Steady work for a hub while faults happen to it: agents that do what they are given, and a submitter that wants each task once
 * (keyed-submissions.ts). Keeps the history of it all.
 */
import { type Clock, type SidecarEvent, systemClock } from "@hubscale/sidecar-sim";
import { arrivalTimes } from "../load/arrivals.ts";
import { type HistoryEvent, type HistoryVerdict, RunHistory } from "../load/history-check.ts";
import { COMPLETED_LOOKED_UP, LoadGenerator } from "../load/load-generator.ts";
import { sendOnSchedule } from "../load/load-source.ts";
import { taskBody } from "../load/task-body.ts";
import { KeyedSubmissions } from "./keyed-submissions.ts";
import { type SlowTimeouts, type WaitedFor, waitedFor, waitForTimeouts } from "./reference-timeouts.ts";
import { type TaskAccount, TaskLog } from "./task-log.ts";
import { type Timeline, timelineOf } from "./timeline.ts";

export interface SteadyWorkOptions {
  ws: readonly string[];
  http: readonly string[];
  agents: number;
  ratePerSec: number;
  /** How long an agent works on a task. */
  workMs: number;
  seed: number;
  prefix: string;
  /** Of the reference hub. */
  timeouts?: SlowTimeouts | undefined;
}

/** Milliseconds from the moment that was asked about. */
export interface Recovery {
  /** Until a submission made after it was acknowledged. */
  acknowledgedMs: number;
  /** Until a task submitted after it was completed. */
  completedMs: number;
  /** Until nothing was open of what had been acknowledged before it; of a hub with slow timeouts, nothing that none of them ended. */
  caughtUpMs: number;
}

export interface SteadyWorkEnd {
  history: HistoryVerdict;
  /** By id, of the tasks that the verdict names; milliseconds as `nowMs()`. */
  accounts: Record<string, TaskAccount>;
  /** Submissions that were asked for patience, and those that got no answer and were sent again, each time counted. */
  postponed: number;
  repeated: number;
  /** Submissions that ended without anybody knowing whether the hub has the task. */
  unknown: number;
  /** What went wrong with submissions otherwise, each time counted, by status or error. */
  complaints: Record<string, number>;
  /** By id, tasks that a slow timeout of the hub ended after the time that others have. */
  waited: Record<string, WaitedFor>;
  /** Tasks that ended after that time, of such a hub, and by no timeout. */
  late: string[];
  disconnected: number;
  /** What agents that came back with a task were told: to go on, or to drop it. */
  continued: number;
  aborted: number;
}

const CONNECT_WITHIN_MS = 60_000;
const HTTP_CONNECTIONS = 16;
const LOOK_EVERY_MS = 20;
/** Between two questions to the hub about a task whose end was not seen: its ack may have been lost on the way. */
const ASK_EVERY_MS = 500;
const DRAIN_MS = 30_000;

export class SteadyWork {
  readonly generator: LoadGenerator;
  disconnected = 0;
  continued = 0;
  aborted = 0;
  completed = 0;
  readonly #clock: Clock = systemClock;
  readonly #body = taskBody({ descriptionChars: 200, metadataBytes: 100 });
  readonly #submissions: KeyedSubmissions;
  readonly #timeouts: SlowTimeouts | undefined;
  readonly #history = new RunHistory();
  readonly #log = new TaskLog();
  readonly #stop = new AbortController();
  readonly #sending: Promise<void>;
  /** Acknowledged and not seen to end. */
  readonly #open = new Set<string>();
  readonly #ended = new Set<string>();
  /** When a task was first submitted, by id; only of those that ended or are open. */
  readonly #sentMs = new Map<string, number>();
  readonly #acknowledged: { sentMs: number; atMs: number }[] = [];
  readonly #completed: { taskId: string; atMs: number }[] = [];
  /** When a client was told, or felt, that something is wrong: a connection ended, a submission failed or was put off. */
  readonly #troubleMs: number[] = [];
  /** Of a hub with slow timeouts: tasks that were open longer than they may be but for these. */
  readonly #overdue = new Set<string>();

  /** Resolves when all agents are connected and the first submissions are on their way. */
  static async start(options: SteadyWorkOptions): Promise<SteadyWork> {
    const connected = await LoadGenerator.connect(
      {
        ws: options.ws,
        http: options.http,
        agents: options.agents,
        seed: options.seed,
        behaviour: {
          workTime: { kind: "constant", ms: options.workMs },
          progress: null,
          failure: { share: 0, as: "failed" },
          outputChars: 100,
        },
        timeScale: 1,
        prefix: options.prefix,
        httpConnections: HTTP_CONNECTIONS,
        limitMs: CONNECT_WITHIN_MS,
      },
      { clock: systemClock, note: () => undefined },
    );
    if (!connected.ok) throw new Error(`${connected.code}: ${connected.detail}`);
    return new SteadyWork(connected.generator, options);
  }

  private constructor(generator: LoadGenerator, options: SteadyWorkOptions) {
    this.generator = generator;
    generator.listen((event) => this.#heard(event));
    const { ratePerSec, seed, prefix } = options;
    this.#timeouts = options.timeouts;
    this.#submissions = new KeyedSubmissions({
      clock: this.#clock,
      prefix,
      send: (key, done) => generator.submitter.submit(this.#body, done, key),
      acknowledged: (taskId, sentMs) => this.#acked(taskId, sentMs),
      trouble: (protocolFault) => {
        this.#troubleMs.push(this.nowMs());
        if (protocolFault !== undefined) this.#note({ type: "protocol_fault", what: protocolFault });
      },
    });
    const times = arrivalTimes({ arrivals: "poisson", ratePerSec, seed });
    const startMs = this.#clock.monotonicMs();
    this.#sending = sendOnSchedule(this.#clock, startMs, times, (atMs) => this.#submit(atMs), this.#stop.signal);
  }

  get acknowledged(): number {
    return this.#acknowledged.length;
  }

  get open(): number {
    return this.#open.size;
  }

  get postponed(): number {
    return this.#submissions.postponed;
  }

  nowMs(): number {
    return this.#clock.monotonicMs();
  }

  /** Throws with `what` when the condition does not hold within the time. */
  async until(what: string, isSo: () => boolean, withinMs = 30_000): Promise<void> {
    const limitMs = this.nowMs() + withinMs;
    while (!isSo()) {
      if (this.nowMs() > limitMs) throw new Error(`not seen within ${withinMs} ms: ${what}`);
      await this.generator.until(this.nowMs() + LOOK_EVERY_MS);
    }
  }

  /** Resolves when the hub serves again as before `sinceMs`, and says how long that took. */
  async recovered(sinceMs: number, withinMs = 30_000): Promise<Recovery> {
    const before = [...this.#open];
    const limitMs = this.nowMs() + withinMs;
    let caughtUpMs: number | undefined;
    for (;;) {
      const acknowledged = this.#acknowledged.find(({ sentMs, atMs }) => sentMs >= sinceMs && atMs >= sinceMs);
      const completed = this.#completed.find(({ taskId }) => (this.#sentMs.get(taskId) ?? 0) >= sinceMs);
      const left = before.filter((taskId) => this.#open.has(taskId));
      if (left.length === 0) caughtUpMs ??= this.nowMs() - sinceMs;
      if (acknowledged && completed && caughtUpMs !== undefined) {
        return { acknowledgedMs: acknowledged.atMs - sinceMs, completedMs: completed.atMs - sinceMs, caughtUpMs };
      }
      if (this.nowMs() > limitMs) {
        if (this.#timeouts && acknowledged && completed) {
          for (const taskId of left) this.#overdue.add(taskId);
          const lastMs = Math.max(
            sinceMs,
            ...this.#completed.filter(({ taskId }) => before.includes(taskId)).map(({ atMs }) => atMs),
          );
          caughtUpMs = lastMs - sinceMs;
          continue;
        }
        const what = acknowledged ? `${left.length} of ${before.length} tasks are open` : "no submission was acknowledged";
        throw new Error(`not recovered within ${withinMs} ms: ${what}`);
      }
      await this.#askAbout(left);
      await this.generator.until(this.nowMs() + LOOK_EVERY_MS);
    }
  }

  /**
   * How many tasks took longer than `limitMs` from their first submission to their end and were under way at some time between
   * `fromMs` and `untilMs`.
   */
  slowerThan(limitMs: number, { fromMs, untilMs }: { fromMs: number; untilMs: number }): number {
    return this.#completed.filter(({ taskId, atMs }) => {
      const sentMs = this.#sentMs.get(taskId);
      return sentMs !== undefined && atMs - sentMs > limitMs && sentMs <= untilMs && atMs >= fromMs;
    }).length;
  }

  /** Milliseconds from `sinceMs` until the first client noticed something; null: none did within `withinMs`. */
  noticed(sinceMs: number, withinMs: number): number | null {
    const atMs = this.#troubleMs.find((each) => each >= sinceMs);
    return atMs !== undefined && atMs - sinceMs <= withinMs ? atMs - sinceMs : null;
  }

  /** From `fromMs` until now. */
  timeline(fromMs: number): Timeline {
    return timelineOf({ acknowledged: this.#acknowledged, ended: this.#completed }, fromMs, this.nowMs());
  }

  /**
   * No more submissions; waits for the open ones, at most `drainMs` from the last acknowledgement, longer where the hub has slow timeouts,
   * and looks up what was not seen to end.
   */
  async stop(drainMs = DRAIN_MS): Promise<SteadyWorkEnd> {
    this.#stop.abort();
    await this.#sending;
    const stoppedMs = this.nowMs();
    // What was put off is acknowledged late, and has its time from then on.
    const isOver = () => this.nowMs() - Math.max(stoppedMs, this.#acknowledged.at(-1)?.atMs ?? stoppedMs) >= drainMs;
    while ((this.#open.size > 0 || this.#submissions.open > 0) && !isOver()) await this.#look();
    this.#submissions.giveUp();
    if (this.#timeouts) {
      for (const taskId of this.#open) this.#overdue.add(taskId);
      await waitForTimeouts({
        timeouts: this.#timeouts,
        open: () => [...this.#open],
        lookUp: (taskId) => this.generator.submitter.lookUp(taskId),
        elapsedMs: () => this.nowMs() - stoppedMs,
        look: () => this.#look(),
      });
    }
    const { waited, late } = await this.#judgeOverdue();
    await this.generator.lookUpOpen(this.#history, (event) => this.#note(event), COMPLETED_LOOKED_UP);
    await this.generator.close();
    const history = this.#history.verdict();
    const named = [...new Set([...Object.values(history.offenders).flat(), ...Object.keys(waited), ...late])];
    const { postponed, repeated, unknown, complaints } = this.#submissions;
    return {
      history,
      accounts: Object.fromEntries(named.map((taskId) => [taskId, this.#log.accountOf(taskId)])),
      postponed,
      repeated,
      unknown: unknown + this.#submissions.open,
      complaints,
      waited,
      late,
      disconnected: this.disconnected,
      continued: this.continued,
      aborted: this.aborted,
    };
  }

  /** Those that ended, by what the hub says happened to them; the others are the history's. */
  async #judgeOverdue(): Promise<{ waited: Record<string, WaitedFor>; late: string[] }> {
    const waited: Record<string, WaitedFor> = {};
    const late: string[] = [];
    for (const taskId of this.#overdue) {
      if (this.#open.has(taskId)) continue;
      const reason = waitedFor(await this.generator.submitter.eventsOf(taskId));
      if (reason) waited[taskId] = reason;
      else late.push(taskId);
    }
    return { waited, late };
  }

  async #look(): Promise<void> {
    await this.#askAbout([...this.#open]);
    await this.generator.until(this.nowMs() + LOOK_EVERY_MS);
  }

  #submit(sentMs: number): void {
    this.#note({ type: "submitted" });
    this.#submissions.submit(sentMs);
  }

  #acked(taskId: string, sentMs: number): void {
    this.#acknowledged.push({ sentMs, atMs: this.nowMs() });
    this.#sentMs.set(taskId, sentMs);
    this.#note({ type: "acknowledged", taskId });
    if (!this.#ended.has(taskId)) this.#open.add(taskId);
  }

  #heard(event: SidecarEvent): void {
    this.#log.note(this.nowMs(), event);
    this.#history.heard(event);
    switch (event.type) {
      case "outcome_acked":
        if (event.status !== "retried" && event.generation !== null) this.#end(event.taskId);
        return;
      case "disconnected":
        this.disconnected++;
        this.#troubleMs.push(this.nowMs());
        return;
      case "continued":
        this.continued++;
        return;
      case "dropped":
        if (event.because === "abort") this.aborted++;
    }
  }

  #note(event: HistoryEvent): void {
    this.#history.note(event);
    if ("taskId" in event) this.#log.note(this.nowMs(), event);
  }

  #end(taskId: string): void {
    if (this.#ended.has(taskId)) return;
    this.#ended.add(taskId);
    this.#open.delete(taskId);
    this.completed++;
    this.#completed.push({ taskId, atMs: this.nowMs() });
  }

  readonly #askedMs = new Map<string, number>();

  async #askAbout(taskIds: readonly string[]): Promise<void> {
    const nowMs = this.nowMs();
    const due = taskIds.filter((taskId) => nowMs - (this.#askedMs.get(taskId) ?? 0) >= ASK_EVERY_MS).slice(0, HTTP_CONNECTIONS);
    await Promise.all(
      due.map(async (taskId) => {
        this.#askedMs.set(taskId, nowMs);
        const { status } = await this.generator.submitter.lookUp(taskId);
        if (status !== "completed" && status !== "dead_letter" && status !== "absent") return;
        this.#note({ type: "looked_up", taskId, status });
        this.#end(taskId);
      }),
    );
  }
}
