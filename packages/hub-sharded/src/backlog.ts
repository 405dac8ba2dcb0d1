/**
 * What a node believes of the queues: how many tasks wait in each, and where in the dequeue order the first ones stand. Fed by
 * what nodes tell each other, corrected by what is found. Too high costs a look at an empty queue; too low is mended by the
 * node's slow probe; a wrong place costs only order between queues.
 */
import { type IdleAgent, isQualified, type RoutingClass } from "@hubscale/hub-core";
import type { Task } from "@hubscale/protocol";

/** A queue as the backlog needs it: told apart by identity. */
export interface BackloggedQueue {
  readonly routingClass: RoutingClass;
}

/**
 * Where a task stands in the dequeue order (priority, then age), as one number: lower is sooner. Unix milliseconds stay below
 * 2^42 until the year 2109.
 */
export function rankOf({ priority, created_at }: Pick<Task, "priority" | "created_at">): number {
  return priority * 2 ** 42 + created_at;
}

/** Before all others: a task that comes back from a lost lease. */
export const FIRST_RANK = 0;

/** Ranks kept of each queue; with more tasks than that, the last of these stands for the rest. */
const RANKS_KEPT = 64;

/** A promise to look into a queue once. */
export interface Look<Q> {
  queue: Q;
  /** Where the task that is looked for is believed to stand. */
  rank: number;
  notedBefore: number;
}

export class Backlog<Q extends BackloggedQueue> {
  readonly #entries = new Map<Q, Entry>();
  /** Queues with an estimate above zero, by `assign_to`; in the order in which they were last looked into. */
  readonly #waiting = new Map<string | null, Set<Q>>();

  /** Tasks of these ranks wait, beside those that are known. */
  note(queue: Q, ranks: readonly number[]): void {
    if (ranks.length === 0) return;
    const entry = this.#entryOf(queue);
    if (entry.estimate === 0) Object.assign(entry, { ranks: [], floor: Number.POSITIVE_INFINITY });
    for (const rank of ranks) insert(entry.ranks, rank);
    const surplus = entry.ranks.splice(RANKS_KEPT);
    entry.floor = Math.min(entry.floor, surplus[0] ?? Number.POSITIVE_INFINITY);
    entry.estimate += ranks.length;
    entry.noted += ranks.length;
    this.#list(queue);
  }

  /** The queue was counted: that many tasks wait, none of them before `firstRank`. */
  correct(queue: Q, { count, firstRank }: { count: number; firstRank: number }): void {
    const entry = this.#entryOf(queue);
    entry.estimate = count;
    entry.ranks = [];
    entry.floor = firstRank;
    if (count > 0) this.#list(queue);
    else this.#unlist(queue);
  }

  /** Where this agent should look next: the queue whose first task stands foremost, of equals the one not looked into for longest. */
  next(agent: IdleAgent): Q | undefined {
    const open = this.#first(this.#waiting.get(null), agent);
    const own = this.#first(this.#waiting.get(agent.agentId), agent);
    if (!open || !own) return (open ?? own)?.queue;
    return own.rank <= open.rank ? own.queue : open.queue;
  }

  /** Takes one from the estimate, since somebody is about to look. */
  look(queue: Q): Look<Q> {
    const entry = this.#entryOf(queue);
    entry.estimate = Math.max(0, entry.estimate - 1);
    const rank = entry.ranks.shift() ?? entry.floor;
    this.#unlist(queue);
    if (entry.estimate > 0) this.#list(queue);
    return { queue, rank, notedBefore: entry.noted };
  }

  /** A task of this rank was found: what stood before it has been taken by others. */
  found({ queue, notedBefore }: Look<Q>, rank: number): void {
    const entry = this.#entryOf(queue);
    if (entry.noted !== notedBefore) return;
    while (entry.ranks.length > 0 && (entry.ranks[0] as number) <= rank) entry.ranks.shift();
    if (entry.ranks.length === 0) entry.floor = rank;
  }

  /** Nothing was there: only what was noted since can be waiting. */
  missed({ queue, notedBefore }: Look<Q>): void {
    const entry = this.#entryOf(queue);
    entry.estimate = Math.min(entry.estimate, entry.noted - notedBefore);
    if (entry.estimate > 0) return;
    entry.ranks = [];
    this.#unlist(queue);
  }

  /** Where the first of the tasks that wait is believed to stand; infinite: none waits. */
  rankOf(queue: Q): number {
    const entry = this.#entries.get(queue);
    return entry && entry.estimate > 0 ? (entry.ranks[0] ?? entry.floor) : Number.POSITIVE_INFINITY;
  }

  estimateOf(queue: Q): number {
    return this.#entries.get(queue)?.estimate ?? 0;
  }

  #first(queues: Iterable<Q> | undefined, agent: IdleAgent): { queue: Q; rank: number } | undefined {
    let best: { queue: Q; rank: number } | undefined;
    for (const queue of queues ?? []) {
      const { floor, ranks } = this.#entryOf(queue);
      const rank = ranks[0] ?? floor;
      if (best && rank >= best.rank) continue;
      if (isQualified(agent, queue.routingClass)) best = { queue, rank };
    }
    return best;
  }

  #entryOf(queue: Q): Entry {
    let entry = this.#entries.get(queue);
    if (!entry) this.#entries.set(queue, (entry = { estimate: 0, noted: 0, ranks: [], floor: FIRST_RANK }));
    return entry;
  }

  #list(queue: Q): void {
    const assignTo = queue.routingClass.assign_to;
    let queues = this.#waiting.get(assignTo);
    if (!queues) this.#waiting.set(assignTo, (queues = new Set()));
    queues.add(queue);
  }

  #unlist(queue: Q): void {
    const assignTo = queue.routingClass.assign_to;
    const queues = this.#waiting.get(assignTo);
    queues?.delete(queue);
    if (queues?.size === 0) this.#waiting.delete(assignTo);
  }
}

interface Entry {
  /** Tasks believed to wait. */
  estimate: number;
  /** All that were ever noted. */
  noted: number;
  /** The foremost of them, in order. */
  ranks: number[];
  /** None of those without a known rank stands before this. */
  floor: number;
}

function insert(ranks: number[], rank: number): void {
  let at = ranks.length;
  while (at > 0 && (ranks[at - 1] as number) > rank) at--;
  ranks.splice(at, 0, rank);
}
