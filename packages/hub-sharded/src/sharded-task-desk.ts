/** The durable truth about tasks, kept by an engine; this node's part of moving them. */
import { type EndpointView, failureIn, newTask, routingClassOf, type TaskDraft, transition } from "@hubscale/hub-core";
import {
  type Cancel,
  type Clock,
  type RandomHex,
  type ReportOutcome,
  type Roster,
  type RosterEvent,
  type SubmissionKey,
  type SubmitOutcome,
  type TaskChange,
  type TaskDesk,
  type TaskReport,
  Unavailable,
} from "@hubscale/hub-runtime";
import type { Task, TaskFilter, TaskStats } from "@hubscale/protocol";
import { Assignments } from "./assignments.ts";
import { type Backbone, isEngineRefusal, type TaskQueue } from "./backbone.ts";
import { FIRST_RANK, rankOf } from "./backlog.ts";
import { Dependencies } from "./dependencies.ts";
import { Dispatcher } from "./dispatcher.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { NodeChannel, type NodeSignal } from "./node-channel.ts";
import { Sweeps } from "./sweeps.ts";
import { TaskIds } from "./task-id.ts";
import { TaskQueries } from "./task-queries.ts";

export interface ShardedTaskDeskOptions {
  /** Unique among the nodes of the hub. */
  node: string;
  backbone: Backbone;
  roster: Roster;
  clock: Clock;
  randomHex: RandomHex;
  /** How long a node may be silent before its tasks are given to others. */
  leaseMs: number;
  endpoints(): readonly EndpointView[];
  /** Something failed in the background that must not: the hub has to stop. */
  onFault(error: unknown): void;
  log(line: string): void;
}

/** How often a node counts the queues for what it was not told of. Only while it has idle agents. */
const PROBE_EVERY_MS = 2_000;
/** An agent that comes back with a task says so with its first frame, a round trip after it was let in: till then it gets no other. */
const JOIN_GRACE_MS = 100;
/** With half of the shards away, one submission in 4,000 is then refused. */
const PLACE_TRIES = 12;
/** Tries of a cancellation whose task moves under its hands. */
const CANCEL_TRIES = 5;

export class ShardedTaskDesk implements TaskDesk {
  readonly #options: ShardedTaskDeskOptions;
  readonly #assignments: Assignments;
  readonly #channel: NodeChannel;
  readonly #dependencies: Dependencies;
  readonly #dispatcher: Dispatcher;
  readonly #leases: LeaseKeeper;
  readonly #queries: TaskQueries;
  readonly #sweeps: Sweeps;
  readonly #taskIds: TaskIds;
  readonly #cancelProbe: Cancel;
  #isClosing = false;

  constructor(options: ShardedTaskDeskOptions) {
    this.#options = options;
    const { backbone, clock } = options;
    const { broadcast, parked, queues } = backbone;
    const claim = (duty: string, forMs: number) => backbone.claim(duty, forMs);
    this.#taskIds = new TaskIds(options.randomHex);
    this.#channel = new NodeChannel({ ...options, broadcast });
    const onRequeued = (queue: TaskQueue, task: Task) => this.#dispatcher.offer(queue, rankOf(task));
    this.#assignments = new Assignments({
      ...options,
      queues,
      onRequeued,
      onCompleted: (taskId) => this.#dependencies.completed(taskId),
    });
    this.#dispatcher = new Dispatcher({
      ...options,
      queues,
      channel: this.#channel,
      assigned: (task, agentId, atMs) => this.#assignments.assigned(task, agentId, atMs),
      receive: (taken, from) => this.#assignments.receive(taken, from),
    });
    this.#dependencies = new Dependencies({
      ...options,
      queues,
      parked,
      claim,
      channel: this.#channel,
      onUnparked: onRequeued,
    });
    this.#leases = new LeaseKeeper({
      ...options,
      queues,
      assignments: this.#assignments,
      onReturned: (queue, count) =>
        this.#dispatcher.announce(
          queue,
          Array.from({ length: count }, () => FIRST_RANK),
        ),
    });
    this.#sweeps = new Sweeps({ ...options, queues, claim, assignments: this.#assignments });
    this.#queries = new TaskQueries({ queues });
    this.#cancelProbe = clock.every(PROBE_EVERY_MS, () => this.#background(() => this.#dispatcher.probe()));
  }

  /** Begins to hear the other nodes; before the first task. */
  async open(): Promise<void> {
    await this.#options.backbone.queues.refresh();
    await this.#channel.listen((signal) => this.#background(() => this.#hear(signal)));
  }

  async submit(draft: TaskDraft, key?: SubmissionKey): Promise<SubmitOutcome> {
    if (this.#isClosing) throw new Unavailable("this node is closing", CLOSING_RETRY_MS);
    const { clock, backbone } = this.#options;
    const classNumber = await backbone.queues.classNumberOf(routingClassOf(draft));
    if (classNumber === undefined) throw new Unavailable("too many routing classes", CLOSING_RETRY_MS);
    const { taskId, queue } = await this.#placeFor(classNumber);
    const task = newTask(taskId, draft, clock.nowMs());
    return key ? this.#submitOnce(task, queue, key) : this.#store(task, queue);
  }

  /** The entry is written first and names the task's id, so that a second try stores the same task or finds it. */
  async #submitOnce(task: Task, queue: TaskQueue, { hash, fingerprint }: SubmissionKey): Promise<SubmitOutcome> {
    const { queues, submissions } = this.#options.backbone;
    const { id, priority, created_at } = task;
    const entry = await submissions.claim(hash, { fingerprint, task: { id, priority, created_at }, isStored: false });
    if (entry.fingerprint !== fingerprint) return { ok: false, code: "key_reused" };
    if (entry.isStored) return { ok: true, task: entry.task };
    const isOwn = entry.task.id === id;
    const place = isOwn ? queue : ((await queues.queueOf(entry.task.id)) as TaskQueue);
    if (isOwn || !(await place.read(entry.task.id))) {
      const stored = await this.#store({ ...task, ...entry.task }, place);
      if (!stored.ok) return stored;
    }
    await submissions.confirm(hash, { ...entry, isStored: true });
    return { ok: true, task: entry.task };
  }

  async #store(task: Task, queue: TaskQueue): Promise<SubmitOutcome> {
    const { servesInOrder } = this.#options.backbone;
    const dependencies = await this.#dependencies.look(task.depends_on);
    if (dependencies.unknown.length > 0) {
      return { ok: false, code: "unknown_dependency", taskIds: dependencies.unknown } as const;
    }
    const isParked = dependencies.pending.length > 0;
    if (isParked) {
      await this.#dependencies.register(task.id, dependencies.pending);
      await queue.add(task, { parked: true });
      await this.#dependencies.watch(task.id, dependencies.pending);
      return { ok: true, task } as const;
    }
    const added = queue.add(task, { parked: false });
    if (!servesInOrder) await added;
    const isSentFor = this.#dispatcher.fetch(queue, rankOf(task));
    await added;
    if (!isSentFor) this.#dispatcher.announce(queue, [rankOf(task)]);
    return { ok: true, task } as const;
  }

  async report(agentId: string, frame: TaskReport): Promise<ReportOutcome> {
    const assignments = this.#assignments;
    switch (frame.type) {
      case "task_accepted":
        if (assignments.touch(agentId, frame.task_id)) return { ok: true, done: "accepted" };
        return (await this.#resume(agentId, frame.task_id, undefined)) ?? { ok: true, done: "accepted" };
      case "task_progress":
        // Frames that come ten times a second are not worth a question to the engine.
        if (assignments.touch(agentId, frame.task_id)) return { ok: true, done: "noted" };
        return { ok: false, code: "stale_generation" };
      case "wake_result":
        if (frame.status === "success") assignments.touch(agentId, frame.task_id);
        return { ok: true, done: "noted" };
      case "task_complete": {
        const failure = failureIn(frame.result);
        if (failure !== undefined) {
          return assignments.fail({ type: "fail", agentId, generation: frame.generation, error: failure }, frame.task_id);
        }
        return assignments.complete(
          {
            type: "complete",
            agentId,
            generation: frame.generation,
            result: frame.result ?? null,
            tokensUsed: frame.tokens_used ?? null,
            verificationReport: frame.verification_report ?? null,
            verificationHistory: frame.verification_history ?? [],
          },
          frame.task_id,
        );
      }
      case "result_too_large": {
        const { error, generation } = frame;
        return assignments.fail({ type: "fail", agentId, generation, error, isFinal: true }, frame.task_id);
      }
      case "task_failed": {
        const error = frame.error ?? frame.reason ?? "unknown";
        return assignments.fail({ type: "fail", agentId, generation: frame.generation, error }, frame.task_id);
      }
      case "task_rejected": {
        const held = assignments.get(frame.task_id);
        if (held?.agentId !== agentId) return { ok: false, code: "stale_generation" };
        const change = await assignments.putBack(held, "rejected");
        return change ? { ok: true, done: "requeued" } : { ok: false, code: "stale_generation" };
      }
      case "task_recovering":
      case "state_report": {
        if (frame.task_id === null) return { ok: true, done: "abort" };
        // A recovering agent does not know its generation; a state report without one proves nothing.
        const generation = frame.type === "state_report" ? (frame.generation ?? NO_GENERATION) : undefined;
        const held = await assignments.resume(agentId, frame.task_id, generation);
        if ("ok" in held) return { ok: true, done: "abort" };
        assignments.keepOnly(held);
        this.#dispatcher.agentGone(agentId);
        assignments.touch(agentId, frame.task_id);
        return { ok: true, done: "continue", generation: held.task.generation };
      }
    }
  }

  async command(
    taskId: string,
    command: "cancel" | "retry" | { reclaim: "acceptance_timeout" },
  ): Promise<TaskChange | undefined> {
    if (command === "cancel") return this.#cancel(taskId);
    if (command === "retry") return this.#retry(taskId);
    const held = this.#assignments.get(taskId);
    return held && this.#assignments.putBack(held, command.reclaim);
  }

  async find(taskId: string): Promise<Task | undefined> {
    const queue = await this.#options.backbone.queues.queueOf(taskId);
    const stored = await queue?.read(taskId);
    const held = this.#assignments.get(taskId)?.task;
    return held && stored?.task.generation === held.generation && stored.task.status === "assigned" ? held : stored?.task;
  }

  list(filter: TaskFilter): Promise<Task[]> {
    return this.#queries.list(filter);
  }

  stats(): Promise<TaskStats> {
    return this.#queries.stats();
  }

  notify(event: RosterEvent): void {
    if (this.#isClosing) return;
    switch (event.type) {
      case "agent_joined":
        this.#options.clock.after(JOIN_GRACE_MS, () => this.#dispatcher.agentReady(event.agentId));
        return;
      case "agent_idle":
        return this.#dispatcher.agentReady(event.agentId);
      case "agent_left":
        this.#dispatcher.agentGone(event.agentId);
        return this.#assignments.agentLeft(event.agentId);
      case "endpoints_changed":
        return;
      case "draining":
        // Otherwise this node would go on taking tasks for its idle agents, only to put them back.
        return void this.#dispatcher.close();
    }
  }

  /** Tasks stay with their agents, which come back on another node before the lease ends; otherwise the lease returns them. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#cancelProbe();
    this.#sweeps.close();
    this.#dependencies.close();
    await this.#dispatcher.close();
    await this.#assignments.close();
    this.#leases.close();
  }

  /** An id for a new task, in a shard that answers if one is soon found. */
  async #placeFor(classNumber: number): Promise<{ taskId: string; queue: TaskQueue }> {
    for (let tries = 1; ; tries++) {
      const taskId = this.#taskIds.next(classNumber);
      const queue = (await this.#options.backbone.queues.queueOf(taskId)) as TaskQueue;
      if (queue.isReachable || tries === PLACE_TRIES) return { taskId, queue };
    }
  }

  /** Undefined: the agent holds the task. */
  async #resume(agentId: string, taskId: string, generation: number | undefined): Promise<ReportOutcome | undefined> {
    const held = await this.#assignments.resume(agentId, taskId, generation);
    if ("ok" in held) return held;
    this.#assignments.touch(agentId, taskId);
    return undefined;
  }

  async #cancel(taskId: string): Promise<TaskChange | undefined> {
    const queue = await this.#options.backbone.queues.queueOf(taskId);
    if (!queue) return undefined;
    for (let tries = 0; tries < CANCEL_TRIES; tries++) {
      const stored = await queue.read(taskId);
      if (!stored || !transition(stored.task, { type: "cancel" }, this.#options.clock.nowMs()).ok) return undefined;
      if (!(await queue.change(stored, { type: "discard" }))) continue;
      // Another node that holds it hears of it with its next renewal at the latest; the edge tells the agent at once.
      const held = this.#assignments.get(taskId);
      if (held) this.#assignments.forget(held);
      this.#dependencies.cancelled(taskId);
      return { before: stored.task, after: undefined };
    }
    return undefined;
  }

  async #retry(taskId: string): Promise<TaskChange | undefined> {
    const { backbone, clock } = this.#options;
    const queue = await backbone.queues.queueOf(taskId);
    const stored = await queue?.read(taskId);
    if (!queue || !stored) return undefined;
    const next = transition(stored.task, { type: "retry" }, clock.nowMs());
    if (!next.ok || !next.task) return undefined;
    const parked = await this.#dependencies.isPending(taskId);
    if (!(await queue.change(stored, { type: "exhume", after: next.task, parked }))) return undefined;
    if (!parked) this.#dispatcher.offer(queue, rankOf(stored.task));
    return { before: stored.task, after: next.task };
  }

  async #hear(signal: NodeSignal): Promise<void> {
    const { queues } = this.#options.backbone;
    switch (signal.type) {
      case "waiting": {
        if (!queues.queueAt(signal.classNumber, signal.shard)) await queues.refresh();
        const queue = queues.queueAt(signal.classNumber, signal.shard);
        if (queue) this.#dispatcher.heard(queue, signal.ranks);
        return;
      }
      case "awaited":
        return this.#dependencies.heard(signal.taskId, signal.by);
    }
  }

  /** What fails because the engine is away is tried again by the next round. */
  #background(run: () => Promise<void>): void {
    run().catch((error: unknown) => {
      if (!isEngineRefusal(error)) this.#options.onFault(error);
    });
  }
}

const CLOSING_RETRY_MS = 1_000;
/** Below every generation. */
const NO_GENERATION = -1;
