/**
 * The keys under which tasks were submitted (`Idempotency-Key`): a row for each, written in one batch with its task, and a second one
 * that is ordered by time, by which it is found when its day is over.
 */
import type { Clock, SubmissionKey, SubmitOutcome, SubmittedTask } from "@hubscale/hub-runtime";
import { TIMERS } from "@hubscale/protocol";
import type { RowOperation } from "../backplane/durable-rows.ts";
import { type Database, KEYS, rangeOf } from "../data-folder.ts";

interface KeptSubmission {
  fingerprint: string;
  task: SubmittedTask;
}

/** Removed in one batch: a megabyte. */
const DROPPED_AT_ONCE = 10_000;

export class SubmissionKeys {
  readonly #db: Database;
  readonly #clock: Clock;
  /** By hash. */
  readonly #underWay = new Map<string, Promise<SubmitOutcome>>();

  constructor(db: Database, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** Calls `submit` for a key that is new, with the rows that are to be stored with the task. */
  async once(key: SubmissionKey, submit: (rowsOf: (task: SubmittedTask) => RowOperation[]) => Promise<SubmitOutcome>) {
    for (let other = this.#underWay.get(key.hash); other; other = this.#underWay.get(key.hash))
      await other.catch(() => undefined);
    const outcome = this.#lookThenSubmit(key, submit).finally(() => this.#underWay.delete(key.hash));
    this.#underWay.set(key.hash, outcome);
    return outcome;
  }

  /** Forgets those whose day is over. Without a sync: what a crash brings back is forgotten again. */
  async dropOld(): Promise<void> {
    for (;;) {
      const { gte } = rangeOf(KEYS.submissionTime);
      const old = await this.#db.keys({ gte, lt: timeKeyOf(this.#oldestMs), limit: DROPPED_AT_ONCE }).all();
      if (old.length === 0) return;
      await this.#db.batch(
        old.flatMap((key) => [deletion(key), deletion(KEYS.submission + key.slice(key.lastIndexOf("/") + 1))]),
      );
      if (old.length < DROPPED_AT_ONCE) return;
    }
  }

  async #lookThenSubmit(
    { hash, fingerprint }: SubmissionKey,
    submit: (rowsOf: (task: SubmittedTask) => RowOperation[]) => Promise<SubmitOutcome>,
  ): Promise<SubmitOutcome> {
    const text = await this.#db.get(KEYS.submission + hash);
    const kept = text === undefined ? undefined : (JSON.parse(text) as KeptSubmission);
    if (!kept || kept.task.created_at < this.#oldestMs) {
      const outlived = kept ? [deletion(timeKeyOf(kept.task.created_at) + hash)] : [];
      return submit((task) => [...outlived, ...rowsOf(hash, { fingerprint, task })]);
    }
    return kept.fingerprint === fingerprint ? { ok: true, task: kept.task } : { ok: false, code: "key_reused" };
  }

  get #oldestMs(): number {
    return this.#clock.nowMs() - TIMERS.submissionKeyKeptMs;
  }
}

function rowsOf(hash: string, { fingerprint, task: { id, priority, created_at } }: KeptSubmission): RowOperation[] {
  const value = JSON.stringify({ fingerprint, task: { id, priority, created_at } } satisfies KeptSubmission);
  return [
    { type: "put", key: KEYS.submission + hash, value },
    { type: "put", key: timeKeyOf(created_at) + hash, value: "" },
  ];
}

/** In the order of time: Unix milliseconds have thirteen digits until the year 2286. */
function timeKeyOf(atMs: number): string {
  return `${KEYS.submissionTime}${String(Math.max(0, atMs)).padStart(13, "0")}/`;
}

const deletion = (key: string): RowOperation => ({ type: "del", key });
