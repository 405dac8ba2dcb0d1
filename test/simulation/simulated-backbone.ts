/** The port to the engine as one node has it: each call is one operation over its link. */
import { parseRoutingClass } from "@hubscale/hub-core";
import {
  type Backbone,
  type Broadcast,
  FIRST_RANK,
  type Head,
  type Hold,
  type ParkedTasks,
  placeOf,
  type QueueDirectory,
  rankOf,
  type Stored,
  type Submissions,
  type TaskQueue,
} from "@hubscale/hub-sharded";
import { MemoryStores, memoryBackplane } from "@hubscale/hub-runtime/testing";
import { type CallFault, failing } from "./call-faults.ts";
import type { EngineLink } from "./engine-link.ts";
import { isTakeable, liveToken, type Row, type TaskStore, type TokenHold } from "./task-store.ts";

export interface SimulatedBackboneOptions {
  node: string;
  link: EngineLink;
  broadcast: Broadcast;
  shards: number;
  /** Different for each call, also after a restart. */
  nextToken(agentId: string): string;
  /** Of a call of the port, by its name; undefined: it goes well. */
  faultOf(name: string): CallFault | undefined;
}

/** A row with the token that it was seen with. */
type SeenRow = Row & { seenToken: string | null };

export function simulatedBackbone(options: SimulatedBackboneOptions): Backbone {
  const { broadcast, faultOf, link, node, shards } = options;
  const queues = new Map<string, TaskQueue>();
  let classNames: readonly string[] = [];

  const queueAt = (classNumber: number, shard: number): TaskQueue | undefined => {
    const className = classNames[classNumber];
    if (className === undefined) return undefined;
    const key = `${classNumber} ${shard}`;
    const queue = queues.get(key) ?? failing(taskQueue(options, { className, classNumber, shard }), QUEUE_CALLS, faultOf);
    queues.set(key, queue);
    return queue;
  };
  const refresh = async () => {
    classNames = await link.call((store) => ({ answer: [...store.classNames], happened: [] }));
    classNames.forEach((_, classNumber) => {
      for (let shard = 0; shard < shards; shard++) queueAt(classNumber, shard);
    });
  };

  const directory: QueueDirectory = {
    refresh,
    all: () => queues.values(),
    async classNumberOf(className) {
      const known = classNames.indexOf(className);
      if (known >= 0) return known;
      await link.call((store) => {
        if (!store.classNames.includes(className)) store.classNames.push(className);
        return { answer: undefined, happened: [] };
      });
      await refresh();
      return classNames.indexOf(className);
    },
    queueAt,
    async queueOf(taskId) {
      const place = placeOf(taskId, shards);
      if (!place) return undefined;
      if (!queueAt(place.classNumber, place.shard)) await refresh();
      return queueAt(place.classNumber, place.shard);
    },
    heads: (wanted) => link.call((store) => ({ answer: wanted.map((queue) => headOf(store, queue, shards)), happened: [] })),
  };
  const parked: ParkedTasks = {
    register: (taskId, pending, atMs) => told(link, (store) => store.waits.set(taskId, { pending, sinceMs: atMs })),
    strike: (taskId, completed) =>
      link.call((store) => {
        const wait = store.waits.get(taskId);
        const pending = (wait?.pending ?? []).filter((each) => !completed.includes(each));
        if (wait) store.waits.set(taskId, { ...wait, pending });
        return { answer: pending.length, happened: [] };
      }),
    forget: (taskId) => told(link, (store) => store.waits.delete(taskId)),
    list: () =>
      link.call((store) => {
        const waits = [...store.waits];
        return {
          answer: waits.map(([taskId, { pending, sinceMs }]) => ({ taskId, sinceMs, pending: [...pending] })),
          happened: [],
        };
      }),
  };
  const submissions: Submissions = {
    claim: (hash, offered) =>
      link.call((store) => {
        const entry = store.submissions.get(hash) ?? offered;
        store.submissions.set(hash, entry);
        return { answer: entry, happened: [] };
      }),
    confirm: (hash, submission) => told(link, (store) => store.submissions.set(hash, submission)),
  };
  const backbone: Backbone = {
    servesInOrder: true,
    broadcast,
    backplane: memoryBackplane(node, new MemoryStores()),
    queues: failing(directory, ["refresh", "classNumberOf", "queueOf", "heads"], faultOf),
    parked: failing(parked, ["register", "strike", "forget", "list"], faultOf),
    submissions: failing(submissions, ["claim", "confirm"], (name) => faultOf(`${name} a submission`)),
    claim: (duty, forMs) =>
      link.call((store, nowMs) => {
        const isFree = (store.claims.get(duty) ?? 0) <= nowMs;
        if (isFree) store.claims.set(duty, nowMs + forMs);
        return { answer: isFree, happened: [] };
      }),
    close: () => undefined,
  };
  return failing(backbone, ["claim"], faultOf);
}

/** All that a queue is asked for. */
const QUEUE_CALLS = [
  ...(["take", "end", "adopt", "regain", "renew", "note", "returnLost"] as const),
  ...(["add", "read", "change", "list", "counts", "longWaiting"] as const),
];

function taskQueue(
  { link, nextToken, shards }: SimulatedBackboneOptions,
  { className, classNumber, shard }: { className: string; classNumber: number; shard: number },
): TaskQueue {
  const isInQueue = inQueue(classNumber, shard, shards);
  const takeOver = async (seen: { taskId: string; starts: number; token: string | null }, agentId: string) => {
    const token = nextToken(agentId);
    const isTaken = await link.call((store, nowMs) => ({ answer: store.takeOver(seen, token, nowMs), happened: [] }));
    return isTaken ? ({ taskId: seen.taskId, starts: seen.starts, token } as Hold) : undefined;
  };
  return {
    className,
    classNumber,
    shard,
    routingClass: parseRoutingClass(className),
    get isReachable() {
      return !link.isCut;
    },
    take: (agentId, assign) => {
      const token = nextToken(agentId);
      return link.call((store, nowMs) => {
        const { taken, happened } = store.take(isInQueue, { token, nowMs, assign });
        return { answer: taken, happened };
      });
    },
    end: (hold, ending) => answered(link, (store, nowMs) => store.end(hold as TokenHold, ending, nowMs)),
    adopt: (stored, agentId) => {
      const { seenToken, starts, task } = stored as SeenRow;
      return takeOver({ taskId: task.id, starts, token: seenToken }, agentId);
    },
    regain: (hold, agentId) => takeOver({ ...(hold as TokenHold), token: null }, agentId),
    renew: (holds) =>
      link.call((store, nowMs) => ({ answer: store.renew(holds as readonly TokenHold[], nowMs), happened: [] })),
    note: (hold, task) =>
      link.call((store, nowMs) => ({ answer: undefined, happened: store.note(hold as TokenHold, task, nowMs) })),
    returnLost: () =>
      link.call((store, nowMs) => {
        const happened = store.returnLost(isInQueue, nowMs);
        return { answer: happened.length, happened };
      }),
    add: (task, { parked }) => link.call((store) => ({ answer: undefined, happened: store.add(task, parked) })),
    read: (taskId) =>
      link.call((store, nowMs) => {
        const row = store.rows.get(taskId);
        return { answer: row && { ...row, seenToken: liveToken(row, nowMs) }, happened: [] };
      }),
    change: (stored, change) => answered(link, (store) => store.change(stored as Row, change)),
    list: (status) =>
      link.call((store) => ({
        answer: tasksIn(store, isInQueue).filter((task) => status === undefined || task.status === status),
        happened: [],
      })),
    counts: () => link.call((store) => ({ answer: store.countsOf(isInQueue), happened: [] })),
    longWaiting: (beforeMs) =>
      link.call((store) => {
        const rows = [...store.rows.values()].filter(({ task }) => isInQueue(task.id) && task.status === "queued");
        const answer: Stored[] = rows.filter(({ task }) => task.updated_at < beforeMs);
        return { answer, happened: [] };
      }),
    addCompleted: () => Promise.reject(new Error("no history is seeded in a simulation")),
  };
}

function headOf(store: TaskStore, { classNumber, shard }: TaskQueue, shards: number): Head {
  const isInQueue = inQueue(classNumber, shard, shards);
  const rows = [...store.rows.values()].filter((row) => isInQueue(row.task.id) && isTakeable(row));
  return { count: rows.length, firstRank: Math.min(...rows.map((row) => (row.isReturned ? FIRST_RANK : rankOf(row.task)))) };
}

function tasksIn(store: TaskStore, isInQueue: (taskId: string) => boolean) {
  return [...store.rows.values()].map(({ task }) => task).filter(({ id }) => isInQueue(id));
}

function inQueue(classNumber: number, shard: number, shards: number) {
  return (taskId: string) => {
    const place = placeOf(taskId, shards);
    return place?.classNumber === classNumber && place.shard === shard;
  };
}

/** An operation that the engine may refuse. */
function answered(
  link: EngineLink,
  operation: (store: TaskStore, nowMs: number) => ReturnType<TaskStore["change"]>,
): Promise<boolean> {
  return link.call((store, nowMs) => {
    const happened = operation(store, nowMs);
    return { answer: happened !== undefined, happened: happened ?? [] };
  });
}

/** An operation without an answer of its own. */
function told(link: EngineLink, operation: (store: TaskStore) => unknown): Promise<void> {
  return link.call((store) => {
    operation(store);
    return { answer: undefined, happened: [] };
  });
}
