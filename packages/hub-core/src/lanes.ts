/**
 * The queue, indexed: one lane for each routing class that has tasks, each in dequeue order. Holds only tasks that may run
 * now; one that waits for others is added when the last of them completes.
 */
import type { Task } from "@hubscale/protocol";
import { KeyedHeap } from "./keyed-heap.ts";
import { parseRoutingClass, type RoutingClass, routingClassOf } from "./routing-class.ts";
import { type IdleAgent, isQualified } from "./scheduling.ts";
import { byDequeueOrder } from "./task-transition.ts";

/** What a lane keeps of a task: enough to order it. */
export type QueuedTask = Pick<Task, "id" | "priority" | "created_at">;

export class Lanes {
  /** By `assign_to` first, so that an agent looks at the open lanes and its own, never at those of others. */
  readonly #byAgent = new Map<string | null, Map<string, Lane>>();
  readonly #laneOf = new Map<string, Lane>();
  readonly #countByPriority = [0, 0, 0, 0];

  get size(): number {
    return this.#laneOf.size;
  }

  has(taskId: string): boolean {
    return this.#laneOf.has(taskId);
  }

  /** O(log n) of the lane's tasks. Throws if the task is already queued. */
  add(task: QueuedTask & Pick<Task, "complexity" | "needed_capabilities" | "assign_to">): void {
    if (this.#laneOf.has(task.id)) throw new Error(`task ${task.id} is already queued`);
    const lane = this.#laneFor(routingClassOf(task), task.assign_to);
    lane.tasks.add(task.id, { id: task.id, priority: task.priority, created_at: task.created_at });
    this.#laneOf.set(task.id, lane);
    this.#count(task.priority, 1);
  }

  /** O(log n) of the lane's tasks. False: it was not queued. */
  remove(taskId: string): boolean {
    const lane = this.#laneOf.get(taskId);
    if (!lane) return false;
    this.#count(lane.tasks.get(taskId)?.priority ?? 0, -1);
    lane.tasks.remove(taskId);
    this.#laneOf.delete(taskId);
    if (lane.tasks.size === 0) this.#drop(lane);
    return true;
  }

  /** Queued tasks by priority, "0" to "3"; priorities without tasks are left out. */
  byPriority(): Record<string, number> {
    return Object.fromEntries(this.#countByPriority.flatMap((count, priority) => (count > 0 ? [[priority, count]] : [])));
  }

  /**
   * The task that this agent should run next: the first in dequeue order over the lanes that it qualifies for. Does not remove
   * it. O(routing classes that have tasks and are open to this agent).
   */
  next(agent: IdleAgent): { taskId: string } | undefined {
    const first = firstOf(this.#lanesOpenTo(agent.agentId), (lane) => isQualified(agent, lane.class));
    return first && { taskId: first.taskId };
  }

  /** The first task in dequeue order whose routing class `accepts`. Does not remove it. O(routing classes that have tasks). */
  first(accepts: (routingClass: string) => boolean): { taskId: string; routingClass: string } | undefined {
    return firstOf(this.#allLanes(), (lane) => accepts(lane.name));
  }

  *#lanesOpenTo(agentId: string): Generator<Lane> {
    yield* this.#byAgent.get(null)?.values() ?? [];
    yield* this.#byAgent.get(agentId)?.values() ?? [];
  }

  *#allLanes(): Generator<Lane> {
    for (const lanes of this.#byAgent.values()) yield* lanes.values();
  }

  #laneFor(name: string, assignTo: string | null): Lane {
    let lanes = this.#byAgent.get(assignTo);
    if (!lanes) this.#byAgent.set(assignTo, (lanes = new Map()));
    let lane = lanes.get(name);
    if (!lane) lanes.set(name, (lane = { name, class: parseRoutingClass(name), tasks: new KeyedHeap(isBefore) }));
    return lane;
  }

  /** An empty lane goes, or classes that were used once would be looked at for ever. */
  #drop(lane: Lane): void {
    const lanes = this.#byAgent.get(lane.class.assign_to);
    lanes?.delete(lane.name);
    if (lanes?.size === 0) this.#byAgent.delete(lane.class.assign_to);
  }

  #count(priority: number, change: 1 | -1): void {
    this.#countByPriority[priority] = (this.#countByPriority[priority] ?? 0) + change;
  }
}

interface Lane {
  name: string;
  class: RoutingClass;
  tasks: KeyedHeap<QueuedTask>;
}

function isBefore(a: QueuedTask, b: QueuedTask): boolean {
  return byDequeueOrder(a, b) < 0;
}

/** Heads are compared before the lane is asked: the order is cheap, the qualification is not. */
function firstOf(lanes: Iterable<Lane>, isOpen: (lane: Lane) => boolean): { taskId: string; routingClass: string } | undefined {
  let first: { head: QueuedTask; lane: Lane } | undefined;
  for (const lane of lanes) {
    const head = lane.tasks.head as QueuedTask;
    if (first && !isBefore(head, first.head)) continue;
    if (isOpen(lane)) first = { head, lane };
  }
  return first && { taskId: first.head.id, routingClass: first.lane.name };
}
