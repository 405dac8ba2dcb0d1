/**
 * Steady work for a hub while faults happen to it: agents that do what they are given, and a submitter that is patient where the
 * hub asks for patience (503) and complains about everything else. Keeps the history of it all.
 */
import { type Clock, type SidecarEvent, systemClock } from "@hubscale/sidecar-sim";
import { arrivalTimes } from "../load/arrivals.ts";
import { type HistoryEvent, type HistoryVerdict, RunHistory } from "../load/history-check.ts";
import { COMPLETED_LOOKED_UP, LoadGenerator } from "../load/load-generator.ts";
import { sendOnSchedule } from "../load/load-source.ts";
import { taskBody } from "../load/task-body.ts";
import { type TaskAccount, TaskLog } from "./task-log.ts";

export interface SteadyWorkOptions {
  ws: readonly string[];
  http: readonly string[];
  agents: number;
  ratePerSec: number;
  /** How long an agent works on a task. */
  workMs: number;
  seed: number;
  prefix: string;
}

/** Milliseconds from the moment that was asked about. */
export interface Recovery {
  /** Until a submission made after it was acknowledged. */
  acknowledgedMs: number;
  /** Until a task submitted after it was completed. */
  completedMs: number;
  /** Until nothing was open of what had been acknowledged before it. */
  caughtUpMs: number;
}

export interface SteadyWorkEnd {
  history: HistoryVerdict;
  /** By id, of the tasks that the verdict names; milliseconds as `nowMs()`. */
  accounts: Record<string, TaskAccount>;
  /** Submissions that were asked for patience, each time counted. */
  postponed: number;
  /** Submissions that failed otherwise, by status or error. */
  complaints: Record<string, number>;
  disconnected: number;
  /** What agents that came back with a task were told: to go on, or to drop it. */
  continued: number;
  aborted: number;
}

/** What clients got from the hub, counted in steps of the same length. */
export interface Timeline {
  stepMs: number;
  /** Submissions acknowledged in each step. */
  acknowledged: number[];
  /** Tasks that were seen to end in each step. */
  ended: number[];
}

const STEP_MS = 250;
const CONNECT_WITHIN_MS = 60_000;
const HTTP_CONNECTIONS = 16;
const LOOK_EVERY_MS = 20;
/** Between two questions to the hub about a task whose end was not seen: its ack may have been lost on the way. */
const ASK_EVERY_MS = 500;
const DEFAULT_RETRY_MS = 1_000;

export class SteadyWork {
  readonly generator: LoadGenerator;
  readonly complaints: Record<string, number> = {};
  postponed = 0;
  disconnected = 0;
  continued = 0;
  aborted = 0;
  completed = 0;
  readonly #clock: Clock = systemClock;
  readonly #body = taskBody({ descriptionChars: 200, metadataBytes: 100 });
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
  #unanswered = 0;

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
    const { ratePerSec, seed } = options;
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
    const steps = Math.ceil((this.nowMs() - fromMs) / STEP_MS);
    const counted = (events: readonly { atMs: number }[]) => {
      const counts = Array.from({ length: steps }, () => 0);
      for (const { atMs } of events) {
        const step = Math.floor((atMs - fromMs) / STEP_MS);
        if (step >= 0 && step < steps) counts[step] = (counts[step] ?? 0) + 1;
      }
      return counts;
    };
    return { stepMs: STEP_MS, acknowledged: counted(this.#acknowledged), ended: counted(this.#completed) };
  }

  /** No more submissions; waits for the open ones, at most `drainMs`, and looks up what was not seen to end. */
  async stop(drainMs = 30_000): Promise<SteadyWorkEnd> {
    this.#stop.abort();
    await this.#sending;
    const limitMs = this.nowMs() + drainMs;
    while ((this.#open.size > 0 || this.#unanswered > 0) && this.nowMs() < limitMs) {
      await this.#askAbout([...this.#open]);
      await this.generator.until(this.nowMs() + LOOK_EVERY_MS);
    }
    await this.generator.lookUpOpen(this.#history, (event) => this.#note(event), COMPLETED_LOOKED_UP);
    await this.generator.close();
    const history = this.#history.verdict();
    const named = [...new Set(Object.values(history.offenders).flat())];
    return {
      history,
      accounts: Object.fromEntries(named.map((taskId) => [taskId, this.#log.accountOf(taskId)])),
      postponed: this.postponed,
      complaints: this.complaints,
      disconnected: this.disconnected,
      continued: this.continued,
      aborted: this.aborted,
    };
  }

  #submit(sentMs: number): void {
    this.#unanswered++;
    this.#note({ type: "submitted" });
    const attempt = () =>
      this.generator.submitter.submit(this.#body, (submission) => {
        if (submission.ok) {
          this.#unanswered--;
          this.#acked(submission.taskId, sentMs);
        } else if ("answer" in submission && submission.answer === 503 && !this.#stop.signal.aborted) {
          this.postponed++;
          this.#troubleMs.push(this.nowMs());
          this.#clock.after(submission.retryAfterMs ?? DEFAULT_RETRY_MS, attempt);
        } else {
          this.#unanswered--;
          this.#troubleMs.push(this.nowMs());
          if ("isProtocolFault" in submission) this.#note({ type: "protocol_fault", what: submission.error });
          const complaint = "answer" in submission ? String(submission.answer) : submission.error;
          if (complaint !== "503") this.complaints[complaint] = (this.complaints[complaint] ?? 0) + 1;
        }
      });
    attempt();
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
