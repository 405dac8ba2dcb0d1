/**
 * What the sharded hub needs of an engine. The engine holds the truth about tasks and moves them atomically; it decides nothing:
 * every next state of a task is a transition of the core that it is handed. A promise resolves when its change is durable at
 * the hub's level. It rejects with `Unavailable` when the engine did not answer or cannot serve now, whether it acted or not, with
 * `Refused` when it never takes this request, and with anything else when this hub is wrong and must stop. A `false` or
 * `undefined` is a refusal: the task is not, or no longer, as the caller thought, and nothing was changed.
 */
import type { RoutingClass, TaskCommand } from "@hubscale/hub-core";
import { type Backplane, type DurabilityLevel, Refused, type SubmittedTask, Unavailable } from "@hubscale/hub-runtime";
import type { RoutingDecision, Task, TaskStatus } from "@hubscale/protocol";

export interface Backbone {
  readonly queues: QueueDirectory;
  readonly parked: ParkedTasks;
  readonly submissions: Submissions;
  readonly backplane: Backplane;
  readonly broadcast: Broadcast;
  /** Whether a `take` that is called after an `add`, before that has resolved, finds the task. */
  readonly servesInOrder: boolean;
  /** True for one of the nodes that claim a duty within `forMs`. */
  claim(duty: string, forMs: number): Promise<boolean>;
  /** After the backplane. */
  close(): void;
}

/** All queues of the hub as this node knows them: each routing class in each shard. */
export interface QueueDirectory {
  /** Learns of the routing classes that other nodes have registered. */
  refresh(): Promise<void>;
  all(): Iterable<TaskQueue>;
  /** The number of a routing class, the same on all nodes, registered if need be. Undefined: there are too many classes. */
  classNumberOf(className: string): Promise<number | undefined>;
  /** Undefined: this node does not know the class (yet). */
  queueAt(classNumber: number, shard: number): TaskQueue | undefined;
  /** The queue that a task's id names; asks the engine for a class that this node does not know. Undefined: no such class. */
  queueOf(taskId: string): Promise<TaskQueue | undefined>;
  /** Counts what waits in these queues, in their order; undefined where the engine does not answer. */
  heads(queues: readonly TaskQueue[]): Promise<(Head | undefined)[]>;
}

/** The tasks of one routing class in one shard. */
export interface TaskQueue extends LeasedTasks, KeptTasks {
  readonly classNumber: number;
  readonly shard: number;
  /** As `routingClassOf` writes it. */
  readonly className: string;
  readonly routingClass: RoutingClass;
  /** False: its part of the engine is away or behind, so that a new task had better go to another shard. */
  readonly isReachable: boolean;
}

/**
 * Tasks on their way through agents' hands. A hold is this node's for a lease, and longer as long as it is renewed; who holds a
 * task is checked by the engine in the same step that changes it. Holds are made by a queue and given back to the same queue.
 */
export interface LeasedTasks {
  /**
   * Takes the first task in the order of priority and age for an agent; undefined: nothing waits. `assign` says what becomes of
   * it. `hint`: where in the dequeue order the first task is believed to stand.
   */
  take(agentId: string, assign: (task: Task, atMs: number) => Task, hint: number): Promise<Taken | undefined>;
  /** Ends a hold. A second try of an ending whose answer was lost is refused, or true if the engine can tell that it was done. */
  end(hold: Hold, ending: Ending): Promise<boolean>;
  /** A hold on what another node's agent has, or had: the old hold is worth nothing from then on. */
  adopt(stored: Stored, agentId: string): Promise<Hold | undefined>;
  /** A new hold in place of one whose lease has run out, if nobody has taken the task since. */
  regain(hold: Hold, agentId: string): Promise<Hold | undefined>;
  /** Extends the leases; the holds that are lost. */
  renew(holds: readonly Hold[]): Promise<Hold[]>;
  /** Stores what changed of a held task without being worth a write of its own; nothing happens if the hold is lost. */
  note(hold: Hold, task: Task): Promise<void>;
  /** Puts tasks whose lease has run out back into the queue, before all others, each a generation on; how many. */
  returnLost(): Promise<number>;
}

/** Tasks as rows, whoever has them. */
export interface KeptTasks {
  add(task: Task, options: { parked: boolean }): Promise<void>;
  read(taskId: string): Promise<Stored | undefined>;
  /** False: it moved since it was read. */
  change(stored: Stored, change: Change): Promise<boolean>;
  /** All with this status, or all. */
  list(status: TaskStatus | undefined): Promise<Task[]>;
  counts(): Promise<QueueCounts>;
  /** Some tasks that wait and were last changed before that time, oldest first; none: there are no more. */
  longWaiting(beforeMs: number): Promise<Stored[]>;
  /** Stores tasks that are completed already, as far as the queue keeps them. */
  addCompleted(past: readonly CompletedPast[]): Promise<void>;
}

export interface Hold {
  readonly taskId: string;
}

export interface Taken {
  hold: Hold;
  /** As `assign` made it. */
  task: Task;
}

/** What is stored of a task. */
export interface Stored {
  readonly task: Task;
  /** Waits for other tasks. */
  readonly parked: boolean;
}

/** `after`: the task as it is to be found then. */
export type Ending =
  | { type: "complete"; completion: Completion; after: Task }
  /** Back to the queue, before those that have waited less. */
  | { type: "requeue"; after: Task }
  | { type: "bury"; after: Task; reason: string };

export type Change =
  /** Parked no more. */
  | { type: "unpark" }
  /** Waiting, for others or not: to the dead letters. */
  | { type: "expire"; after: Task; reason: string }
  /** A dead letter to the queue, or to those that wait for others. */
  | { type: "exhume"; after: Task; parked: boolean }
  /** Waiting or held, also from under its holder: removed without a trace. */
  | { type: "discard" };

/** What is to be stored of a completion. Times are Unix milliseconds. */
export interface Completion {
  atMs: number;
  decision: RoutingDecision | null;
  command: Extract<TaskCommand, { type: "complete" }>;
}

/** A task as it was queued, and how it was completed. */
export interface CompletedPast {
  task: Task;
  agentId: string;
  completion: Completion;
  after: Task;
}

export interface QueueCounts {
  /** By priority, those that wait for others included. */
  queued: readonly number[];
  /** Of the queued, those that wait for others. */
  parked: number;
  assigned: number;
  /** As far as they are kept. */
  completed: number;
  deadLetter: number;
}

export interface Head {
  count: number;
  /** None of them stands before this in the dequeue order. */
  firstRank: number;
}

/** What parked tasks still wait for. */
export interface ParkedTasks {
  register(taskId: string, pending: readonly string[], atMs: number): Promise<void>;
  /** Takes tasks off what this one waits for; how many are left, 0 also when nothing is known of it. */
  strike(taskId: string, completed: readonly string[]): Promise<number>;
  forget(taskId: string): Promise<void>;
  list(): Promise<{ taskId: string; pending: string[]; sinceMs: number }[]>;
}

/** Who submitted what under which key (`Idempotency-Key`), kept for `TIMERS.submissionKeyKeptMs`. */
export interface Submissions {
  /** Enters a submission under a key's hash, unless there is one: the one that is entered then. */
  claim(hash: string, offered: Submission): Promise<Submission>;
  /** Its task is stored: from now on the entry alone answers, whatever becomes of the task. */
  confirm(hash: string, submission: Submission): Promise<void>;
}

export interface Submission {
  /** Of the body, SHA-256 in hex. */
  fingerprint: string;
  task: SubmittedTask;
  isStored: boolean;
}

/** Messages to all nodes, this one included, in the order of one sender; lost when a node is cut off. `send` never blocks. */
export interface Broadcast {
  send(topic: BroadcastTopic, message: string): void;
  listen(topic: BroadcastTopic, hear: (message: string) => void): Promise<void>;
  /** Hears no more. */
  close(topic: BroadcastTopic): Promise<void>;
}

/** `bus`: the edges' events; `nodes`: the desks' signals. */
export type BroadcastTopic = "bus" | "nodes";

/** The engine said no to this, for now or for good: no reason for a round in the background to stop the hub. */
export function isEngineRefusal(error: unknown): error is Unavailable | Refused {
  return error instanceof Unavailable || error instanceof Refused;
}

/** A store's durability as read back from the running server. */
export interface ReadDurability {
  /** Undefined: it keeps nothing over a restart, or does not say. */
  level: DurabilityLevel | undefined;
  /** How the level was seen. */
  how: string;
}

/** The node cannot run on this engine; the message says what to do. */
export class CannotStart extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CannotStart";
  }
}
