/**
 * Steady work for a hub while faults happen to it: agents that do what they are given, and a submitter that is patient where the
 * hub asks for patience (503) and complains about everything else. Keeps the history of it all.
 */
import { type Clock, type SidecarEvent, systemClock } from "@hubscale/sidecar-sim";
import { arrivalTimes } from "../load/arrivals.ts";
import { type HistoryEvent, type HistoryVerdict, RunHistory } from "../load/history-check.ts";
import { LoadGenerator } from "../load/load-generator.ts";
import { sendOnSchedule } from "../load/load-source.ts";
import { taskBody } from "../load/task-body.ts";

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

/** What the clients saw of one task, in order. */
export type TaskAccount = { atMs: number; event: Exclude<HistoryEvent, { type: "submitted" }> }[];

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
  readonly #accounts = new Map<string, TaskAccount>();
  readonly #stop = new AbortController();
  readonly #sending: Promise<void>;
  /** Acknowledged and not seen to end. */
  readonly #open = new Set<string>();
  readonly #ended = new Set<string>();
  /** When a task was first submitted, by id; only of those that ended or are open. */
  readonly #sentMs = new Map<string, number>();
  readonly #acknowledged: { sentMs: number; atMs: number }[] = [];
  readonly #completed: { taskId: string; atMs: number }[] = [];
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

  /** No more submissions; waits for the open ones, at most `drainMs`, and looks up what was not seen to end. */
  async stop(drainMs = 30_000): Promise<SteadyWorkEnd> {
    this.#stop.abort();
    await this.#sending;
    const limitMs = this.nowMs() + drainMs;
    while ((this.#open.size > 0 || this.#unanswered > 0) && this.nowMs() < limitMs) {
      await this.#askAbout([...this.#open]);
      await this.generator.until(this.nowMs() + LOOK_EVERY_MS);
    }
    await this.generator.lookUpOpen(this.#history, (event) => this.#note(event));
    await this.generator.close();
    const history = this.#history.verdict();
    const named = new Set(Object.values(history.offenders).flat());
    return {
      history,
      accounts: Object.fromEntries([...this.#accounts].filter(([taskId]) => named.has(taskId))),
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
          this.#clock.after(submission.retryAfterMs ?? DEFAULT_RETRY_MS, attempt);
        } else {
          this.#unanswered--;
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
    switch (event.type) {
      case "assigned":
      case "outcome_sent":
      case "outcome_refused":
        this.#note(event);
        return;
      case "outcome_acked":
        this.#note(event);
        if (event.status !== "retried") this.#end(event.taskId);
        return;
      case "disconnected":
        this.disconnected++;
        return;
      case "continued":
        this.continued++;
        return;
      case "dropped":
        if (event.because === "abort") this.aborted++;
        return;
      default:
        return;
    }
  }

  #note(event: HistoryEvent): void {
    this.#history.note(event);
    if (event.type === "submitted") return;
    const account = this.#accounts.get(event.taskId) ?? [];
    account.push({ atMs: this.nowMs(), event });
    this.#accounts.set(event.taskId, account);
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
        const status = await this.generator.submitter.lookUp(taskId);
        if (status !== "completed" && status !== "dead_letter" && status !== "absent") return;
        this.#note({ type: "looked_up", taskId, status });
        this.#end(taskId);
      }),
    );
  }
}
