/**
 * The task table with group commit (C1 mended). Rows that may still change are in memory and change there at once; the changes
 * of a turn of the event loop, and all that come while a commit is on its way to the disk, go into the next synced batch. Every
 * promise waits for the commit that holds its change, so nothing is acknowledged that could be lost. While there is company, commits
 * keep a distance: docs/decisions/0014.
 */
import type { Task } from "@hubscale/protocol";
import type { RowOperation } from "../backplane/durable-rows.ts";
import type { TaskRows } from "./level-rows.ts";
import type { Decision, RowObserver, TaskTable } from "./task-table.ts";

export class GroupCommitTable implements TaskTable {
  readonly #rows: TaskRows;
  readonly #observers: readonly RowObserver[];
  /** Rows that are not completed; a completed one is final and stays on disk. */
  readonly #live = new Map<string, Task>();
  #gathering = new Commit();
  #committing: Commit | undefined;
  #isScheduled = false;
  /** When the last commit began (monotonic), and whether it was for more than one row. */
  #beganMs = Number.NEGATIVE_INFINITY;
  #hadCompany = false;
  #failure: Error | undefined;
  readonly #onFailure: (error: Error) => void;

  constructor(parts: {
    rows: TaskRows;
    observers: readonly RowObserver[];
    live: Iterable<Task>;
    onFailure(error: Error): void;
  }) {
    this.#rows = parts.rows;
    this.#observers = parts.observers;
    this.#onFailure = (error) => parts.onFailure(error);
    for (const task of parts.live) this.#live.set(task.id, task);
  }

  get backlog(): number {
    return this.#gathering.rows.size + (this.#committing?.rows.size ?? 0);
  }

  insert(task: Task, others: readonly RowOperation[] = []): Promise<void> {
    this.#gathering.others.push(...others);
    return this.#change(undefined, task.id, task);
  }

  mutate<A>(taskId: string, decide: (row: Task | undefined) => Decision<A>): Promise<A> {
    if (this.#isKnown(taskId)) return this.#decide(this.#known(taskId), taskId, decide);
    return this.#readThenDecide(taskId, decide);
  }

  async getMany(taskIds: readonly string[]): Promise<Task[]> {
    const stored = taskIds.filter((taskId) => !this.#isKnown(taskId));
    // Taken now, in one turn: what is in memory and what is waited for belong together.
    const rows = new Map(taskIds.map((taskId) => [taskId, this.#known(taskId)]));
    const settled = this.settled();
    for (const row of await this.#rows.read(stored)) rows.set(row.id, row);
    await settled;
    return [...rows.values()].filter((row) => row !== undefined);
  }

  async fold(visit: (task: Task) => void): Promise<void> {
    await this.settled();
    await this.#rows.scan(visit);
  }

  /** Goes with the next commit. */
  forget(taskIds: readonly string[]): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    for (const taskId of taskIds) this.#gathering.rows.set(taskId, null);
    const { done } = this.#gathering;
    this.#schedule();
    for (const taskId of taskIds) for (const observer of this.#observers) observer.forgotten?.(taskId);
    return done;
  }

  settled(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#gathering.rows.size > 0) return this.#gathering.done;
    return this.#committing?.done ?? Promise.resolve();
  }

  async #decide<A>(before: Task | undefined, taskId: string, decide: (row: Task | undefined) => Decision<A>): Promise<A> {
    const { answer, row } = decide(before);
    // A refusal rests on the row as it is in memory: it too must wait until that row is safe.
    await (row === undefined ? this.#safe(taskId) : this.#change(before, taskId, row));
    return answer;
  }

  async #readThenDecide<A>(taskId: string, decide: (row: Task | undefined) => Decision<A>): Promise<A> {
    const [stored] = await this.#rows.read([taskId]);
    return this.#decide(this.#isKnown(taskId) ? this.#known(taskId) : stored, taskId, decide);
  }

  /** Whether memory has the last word on this row, be it that there is none. */
  #isKnown(taskId: string): boolean {
    return this.#live.has(taskId) || this.#gathering.rows.has(taskId) || this.#committing?.rows.has(taskId) === true;
  }

  #known(taskId: string): Task | undefined {
    for (const commit of [this.#gathering, this.#committing]) {
      const row = commit?.rows.get(taskId);
      if (row !== undefined) return row ?? undefined;
    }
    return this.#live.get(taskId);
  }

  #change(before: Task | undefined, taskId: string, row: Task | null): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (row === null || row.status === "completed") this.#live.delete(taskId);
    else this.#live.set(taskId, row);
    this.#gathering.rows.set(taskId, row);
    const { done } = this.#gathering;
    this.#schedule();
    for (const observer of this.#observers) observer.changed(before, row ?? undefined);
    return done;
  }

  #safe(taskId: string): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#gathering.rows.has(taskId)) return this.#gathering.done;
    if (this.#committing?.rows.has(taskId)) return this.#committing.done;
    return Promise.resolve();
  }

  /** The rest of this turn of the event loop still joins the commit: a submission, its routing and its assignment are one. */
  #schedule(): void {
    if (this.#isScheduled || this.#committing) return;
    this.#isScheduled = true;
    const begin = () => {
      this.#isScheduled = false;
      void this.#commit();
    };
    const waitMs = this.#hadCompany ? this.#beganMs + COMMITS_APART_MS - performance.now() : 0;
    if (waitMs > 0) setTimeout(begin, waitMs);
    else setImmediate(begin);
  }

  async #commit(): Promise<void> {
    const commit = this.#gathering;
    this.#gathering = new Commit();
    this.#committing = commit;
    this.#beganMs = performance.now();
    this.#hadCompany = commit.rows.size > 1;
    try {
      await this.#rows.commit(commit.rows, commit.others);
      this.#committing = undefined;
      commit.resolve();
      if (this.#gathering.rows.size > 0) this.#schedule();
    } catch (error) {
      this.#failure = new Error(`the store failed to commit ${commit.rows.size} rows`, { cause: error });
      commit.reject(this.#failure);
      this.#gathering.reject(this.#failure);
      this.#onFailure(this.#failure);
    }
  }
}

/** From the beginning of a commit for several rows to that of the next one: about what a sync of a plain disk takes. */
const COMMITS_APART_MS = 4;

/** The last state of each changed row, null for a removed one, what goes with them, and who waits for it. */
class Commit {
  readonly rows = new Map<string, Task | null>();
  readonly others: RowOperation[] = [];
  readonly done: Promise<void>;
  resolve: () => void = () => undefined;
  reject: (error: Error) => void = () => undefined;

  constructor() {
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Somebody may wait or nobody; the table reports a failed commit in either case.
    this.done.catch(() => undefined);
  }
}
