/**
 * One BullMQ queue: the tasks of one routing class in one shard. All queues of a node share its connection, which BullMQ's own
 * `Worker` would not do (docs/decisions/0020). The methods add nothing to BullMQ's semantics; they name them in our words.
 */
import { parseRoutingClass, type RoutingClass } from "@hubscale/hub-core";
import type { Priority, Task } from "@hubscale/protocol";
import { ErrorCode, type JobJson, type KeepJobs, QueueKeys, type RedisConnection, RedisQueueBackend } from "bullmq";
import type { ChainableCommander } from "ioredis";
import type { Completion } from "../backbone.ts";
import { PRIORITY_LANE, runScript } from "./queue-scripts.ts";
import { allReplies } from "./redis-errors.ts";
import type { RedisClient } from "./redis-link.ts";
import { type JobFacts, type JobState, type Snapshot, type Touch, taskOf } from "./task-record.ts";

export interface ShardQueueOptions {
  redis: RedisClient;
  connection: RedisConnection;
  namespace: string;
  classNumber: number;
  /** As `routingClassOf` writes it. */
  className: string;
  shard: number;
  leaseMs: number;
  stalledCheckMs: number;
  /** Completed tasks that this queue keeps. */
  keepCompleted: number;
}

/** What proves that a task is held: the token of BullMQ's lock. */
export interface LockedHold {
  readonly taskId: string;
  readonly token: string;
  /** BullMQ's count of moves to active, this hold's included. */
  readonly starts: number;
}

/** A task that was just taken, as it was in the queue. */
export interface TakenJob extends LockedHold {
  task: Task;
  atMs: number;
}

/** What is stored of a task. `lockToken` null: nobody holds it. */
export interface StoredJob {
  task: Task;
  state: JobState;
  starts: number;
  lockToken: string | null;
  /** Waits for other tasks. */
  parked: boolean;
}

/** A task leaves the queue's order for this long when it waits for others; it is promoted when they are done. */
const PARKED_MS = 10 * 365 * 24 * 3_600_000;
/** BullMQ writes each move to a stream that nobody here reads; it is trimmed to about this many entries. */
const EVENTS_KEPT = 100;
const NEVER_FAIL_BY_STALLING = Number.MAX_SAFE_INTEGER;
const KEEP_ALL: KeepJobs = { count: -1 };

export class ShardQueue extends RedisQueueBackend {
  readonly className: string;
  readonly routingClass: RoutingClass;
  readonly classNumber: number;
  readonly shard: number;
  readonly #redis: RedisClient;
  readonly #leaseMs: number;
  readonly #keepCompleted: KeepJobs;

  constructor(options: ShardQueueOptions) {
    // The braces keep all keys of a shard in one slot of a Redis Cluster.
    const prefix = `{${options.namespace}:${options.shard}}`;
    const queueName = options.classNumber.toString(16).padStart(4, "0");
    const queueKeys = new QueueKeys(prefix);
    const queueOptions = {
      connection: options.redis,
      prefix,
      lockDuration: options.leaseMs,
      stalledInterval: options.stalledCheckMs,
      maxStalledCount: NEVER_FAIL_BY_STALLING,
    };
    const toKey = (type: string) => queueKeys.toKey(queueName, type);
    super(options.connection, queueName, queueKeys.getKeys(queueName), toKey, queueOptions, undefined, false);
    this.className = options.className;
    this.routingClass = parseRoutingClass(options.className);
    this.classNumber = options.classNumber;
    this.shard = options.shard;
    this.#redis = options.redis;
    this.#leaseMs = options.leaseMs;
    this.#keepCompleted = { count: options.keepCompleted };
  }

  /** Before the first task of a queue. */
  async prepare(): Promise<void> {
    await this.#redis.hset(this.toKey("meta"), "opts.maxLenEvents", EVENTS_KEPT);
  }

  /** Adds a new task; the same task twice is one. */
  async add(task: Task, { parked }: { parked: boolean }): Promise<void> {
    const job: JobJson = {
      id: task.id,
      name: "task",
      data: encodeSnapshot({ task, starts: 0 }),
      // BullMQ serves priority 0 from a list without order, so its priorities here are the task's plus one.
      opts: parked ? { priority: task.priority + 1, delay: PARKED_MS } : { priority: task.priority + 1 },
      progress: 0,
      attemptsMade: 0,
      attemptsStarted: 0,
      timestamp: task.created_at,
      failedReason: "",
      returnvalue: "",
      stalledCounter: 0,
    };
    await this.addJob(job, task.id);
  }

  /** Makes a parked task takeable. False: it was not parked. */
  async unpark(taskId: string): Promise<boolean> {
    return (await refusalOf(this.promote(taskId))) === undefined;
  }

  /**
   * Takes the first task for an agent, in one atomic step that records who has it and for how long. The token must be new for
   * each call. Undefined: nothing waits.
   */
  async take(token: string, agentId: string): Promise<TakenJob | undefined> {
    const [job, taskId] = (await this.moveToActive(token, agentId)) as [JobJson | undefined, string];
    if (!job) return undefined;
    const { attemptsStarted: starts, processedOn: atMs = 0 } = job;
    // Who had it before is overwritten by now; it matters to nothing but the history of a task that lost its lease.
    const before: JobFacts = { state: "queued", starts: starts - 1, startedAtMs: null, startedBy: null };
    return { taskId, token, starts, atMs, task: taskOf(decodeSnapshot(job.data), before) };
  }

  /** False: the token does not hold the task any more; nothing was changed. */
  async complete({ taskId, token }: LockedHold, completion: Completion): Promise<boolean> {
    const { atMs } = completion;
    const done = { done: JSON.stringify(completion) };
    // The return value stays empty because BullMQ would also copy it into its event stream.
    const job = finishedJob(taskId);
    const args = this.moveToFinishedArgs(job, "", "returnvalue", this.#keepCompleted, "completed", token, atMs, false, done);
    return (await refusalOf(this.moveToFinished(taskId, args))) === undefined;
  }

  /** Puts a held task back, `after` being the task as it is to be found. False: the token does not hold it any more. */
  async requeue({ taskId, token, starts }: LockedHold, after: Task): Promise<boolean> {
    const fieldsToUpdate = { data: encodeSnapshot({ task: after, starts }) };
    const moved = refusalOf(this.retryJob(taskId, false, token, { fieldsToUpdate }));
    const [refusal] = await Promise.all([moved, this.#moveUp(taskId, after.priority)]);
    return refusal === undefined;
  }

  /** A returned task waited longer than those that are queued with its priority: before them, not behind. */
  async #moveUp(taskId: string, priority: Priority): Promise<void> {
    // BullMQ's methods wait for this promise before they send, so this is sent behind the move that was called before.
    await this.client;
    // XX: not if it was just taken.
    await this.#redis.zadd(this.keyOf("prioritized"), "XX", (priority + 1) * PRIORITY_LANE, taskId);
  }

  /** Moves a held task to the dead letters. False: the token does not hold it any more. */
  async bury({ taskId, token, starts }: LockedHold, after: Task, reason: string): Promise<boolean> {
    const fields = { data: encodeSnapshot({ task: after, starts }) };
    const buried = this.moveToFailed(finishedJob(taskId), reason.slice(0, 100), KEEP_ALL, token, false, fields);
    return (await refusalOf(buried)) === undefined;
  }

  /** Moves a waiting task to the dead letters. False: it does not wait any more. */
  async expire(stored: StoredJob, after: Task, reason: string): Promise<boolean> {
    const keys = [this.keyOf("prioritized"), this.keyOf("delayed"), this.keyOf("failed"), this.toKey(after.id)];
    const data = encodeSnapshot({ task: after, starts: stored.starts });
    return (await runScript(this.#redis, "hubscaleExpire", [...keys, after.id, after.updated_at, data, reason])) === 1;
  }

  /** Queues a dead letter again, or parks it. False: it is none. */
  async exhume(taskId: string, { atMs, parked }: { atMs: number; parked: boolean }): Promise<boolean> {
    if (parked) {
      const keys = [this.keyOf("failed"), this.keyOf("delayed"), this.toKey(taskId)];
      return (await runScript(this.#redis, "hubscalePark", [...keys, taskId, atMs, atMs + PARKED_MS])) === 1;
    }
    // Counts only once the job has left the dead letters, so it may be there before.
    await this.#redis.hset(this.toKey(taskId), "retriedAt", atMs);
    const job = { ...finishedJob(taskId), opts: {} };
    return (await refusalOf(this.retryFinishedJob(job, "failed"))) === undefined;
  }

  /** Removes a task that waits or is held, also from under its holder. False: it moved since it was seen. */
  async discard(taskId: string, { starts }: Pick<StoredJob, "starts">): Promise<boolean> {
    const collections = (["prioritized", "wait", "delayed", "active", "stalled"] as const).map((each) => this.keyOf(each));
    const keys = [this.toKey(taskId), this.#lockKey(taskId), ...collections];
    return (await runScript(this.#redis, "hubscaleDiscard", [...keys, taskId, String(starts)])) === 1;
  }

  /** Takes over the lock of an active task from `oldToken` (null: it has run out). False: somebody else has it. */
  async adopt(taskId: string, starts: number, oldToken: string | null, newToken: string): Promise<boolean> {
    const collections = (["active", "stalled", "wait", "prioritized", "delayed", "completed", "failed"] as const).map((each) =>
      this.keyOf(each),
    );
    const keys = [this.#lockKey(taskId), this.toKey(taskId), ...collections];
    const args = [oldToken ?? "", newToken, this.#leaseMs, String(starts), taskId];
    return (await runScript(this.#redis, "hubscaleAdopt", [...keys, ...args])) === 1;
  }

  /** Renews the leases; the ids of those that are lost. */
  async renew(held: readonly LockedHold[]): Promise<string[]> {
    const ids = held.map(({ taskId }) => taskId);
    const tokens = held.map(({ token }) => token);
    return this.extendLocks(ids, tokens, this.#leaseMs);
  }

  /** Stores how a held task fares, if it is still held. */
  async note({ taskId, token }: LockedHold, touch: Touch): Promise<void> {
    const keys = [this.#lockKey(taskId), this.toKey(taskId)];
    await runScript(this.#redis, "hubscaleNote", [...keys, token, "touch", JSON.stringify(touch)]);
  }

  /** The task and who holds it, in one snapshot. */
  async read(taskId: string): Promise<StoredJob | undefined> {
    const reading = this.#redis
      .multi()
      .hgetall(this.toKey(taskId))
      .get(this.#lockKey(taskId))
      .zscore(this.keyOf("prioritized"), taskId)
      .lpos(this.keyOf("wait"), taskId)
      .zscore(this.keyOf("delayed"), taskId);
    const [job, lockToken, prioritized, waiting, delayed] = await allReplies(reading);
    const parked = delayed !== null;
    const queued = prioritized !== null || waiting !== null || parked;
    return decodeJob(job as Record<string, string>, { queued, lockToken: lockToken as string | null, parked });
  }

  /** Many tasks, each as it was when its turn came; `queued` tells which of them wait. */
  async readMany(taskIds: readonly string[], queued: boolean): Promise<Task[]> {
    if (taskIds.length === 0) return [];
    const pipeline = this.#redis.pipeline();
    for (const taskId of taskIds) pipeline.hgetall(this.toKey(taskId));
    return (await allReplies(pipeline)).flatMap((job) => {
      const stored = decodeJob(job as Record<string, string>, { queued, lockToken: null, parked: false });
      return stored ? [stored.task] : [];
    });
  }

  /** Puts a task that is completed already into the pipeline, as the moves of BullMQ would have left it. */
  addCompleted(pipeline: ChainableCommander, of: { task: Task; agentId: string; completion: Completion }): void {
    const { agentId, completion, task } = of;
    const done = {
      done: JSON.stringify(completion),
      returnvalue: "",
      finishedOn: completion.atMs,
      processedOn: completion.atMs,
    };
    const job = { name: "task", data: encodeSnapshot({ task, starts: 0 }), opts: "{}", timestamp: task.created_at };
    pipeline.hset(this.toKey(task.id), { ...job, ...done, priority: task.priority + 1, delay: 0, ats: 1, atm: 1, pb: agentId });
    pipeline.zadd(this.keyOf("completed"), completion.atMs, task.id);
  }

  /** Removes completed tasks beyond those that this queue keeps, oldest first. */
  async trimCompleted(): Promise<void> {
    const { count = 0 } = this.#keepCompleted;
    const surplus = (await this.#redis.zcard(this.keyOf("completed"))) - count;
    if (surplus > 0) await this.dropCompleted(surplus);
  }

  /** Removes that many completed tasks, oldest first. */
  async dropCompleted(count: number): Promise<void> {
    const ids = await this.#redis.zrange(this.keyOf("completed"), 0, String(count - 1));
    const removal = this.#redis.pipeline();
    for (const id of ids) removal.zrem(this.keyOf("completed"), id).del(this.toKey(id));
    await allReplies(removal);
  }

  /** The key of one of BullMQ's collections of this queue. */
  keyOf(collection: "wait" | "prioritized" | "delayed" | "active" | "completed" | "failed" | "stalled"): string {
    return this.toKey(collection);
  }

  #lockKey(taskId: string): string {
    return `${this.toKey(taskId)}:lock`;
  }
}

/** The score of a prioritized job, back to a priority. */
export function priorityOfScore(score: number): Priority {
  return Math.max(0, Math.min(3, Math.floor(score / PRIORITY_LANE) - 1)) as Priority;
}

/** What BullMQ asks of a job that it finishes. No `attempts`: retries are the hub's affair. */
function finishedJob(taskId: string) {
  return { id: taskId, opts: { attempts: 0 } } as unknown as Parameters<RedisQueueBackend["moveToFailed"]>[0];
}

/** The refusals that mean "the task is not (or no longer) as you think"; anything else is an error. */
const REFUSALS = new Set<number>([
  ErrorCode.JobNotExist,
  ErrorCode.JobLockNotExist,
  ErrorCode.JobNotInState,
  ErrorCode.JobLockMismatch,
]);

async function refusalOf(move: Promise<unknown>): Promise<number | undefined> {
  try {
    await move;
    return undefined;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (typeof code === "number" && REFUSALS.has(code)) return code;
    throw error;
  }
}

function encodeSnapshot(snapshot: Snapshot): string {
  return JSON.stringify(snapshot);
}

function decodeSnapshot(data: string): Snapshot {
  return JSON.parse(data) as Snapshot;
}

/** Undefined: there is no such job. */
function decodeJob(
  fields: Record<string, string>,
  seen: { queued: boolean; lockToken: string | null; parked: boolean },
): StoredJob | undefined {
  const { data } = fields;
  if (data === undefined) return undefined;
  const state = stateOf(fields, seen.queued);
  const starts = Number(fields.ats ?? 0);
  const task = taskOf(decodeSnapshot(data), {
    state,
    starts,
    startedAtMs: fields.processedOn === undefined ? null : Number(fields.processedOn),
    startedBy: fields.pb ?? null,
    retriedAtMs: fields.retriedAt === undefined ? undefined : Number(fields.retriedAt),
    completion: state === "completed" ? parsed<Completion>(fields.done) : undefined,
    touch: parsed<Touch>(fields.touch),
  });
  return { task, state, starts, lockToken: seen.lockToken, parked: seen.parked };
}

function stateOf(fields: Record<string, string>, queued: boolean): JobState {
  if (fields.finishedOn === undefined) return queued ? "queued" : "active";
  return fields.done === undefined ? "failed" : "completed";
}

function parsed<T>(json: string | undefined): T | undefined {
  return json === undefined ? undefined : (JSON.parse(json) as T);
}
