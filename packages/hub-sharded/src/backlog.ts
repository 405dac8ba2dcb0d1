/**
 * What a node believes of the queues: how many tasks wait in each, and how urgent the first is. Fed by what nodes tell each
 * other, corrected by what is found. Too high costs a look at an empty queue; too low is mended by the node's slow probe.
 */
import type { IdleAgent, RoutingClass } from "@hubscale/hub-core";
import { isQualified } from "@hubscale/hub-core";
import type { Priority } from "@hubscale/protocol";

/** A queue as the backlog needs it: told apart by identity. */
export interface BackloggedQueue {
  readonly routingClass: RoutingClass;
}

/** A promise to look into a queue once. */
export interface Look<Q> {
  queue: Q;
  notedBefore: number;
}

export class Backlog<Q extends BackloggedQueue> {
  readonly #entries = new Map<Q, Entry>();
  /** Queues with an estimate above zero, by `assign_to`; in the order in which they were last looked into. */
  readonly #waiting = new Map<string | null, Set<Q>>();

  /** `count` more tasks wait, the most urgent of them of this priority. */
  note(queue: Q, { count, priority }: { count: number; priority: Priority }): void {
    if (count <= 0) return;
    const entry = this.#entryOf(queue);
    entry.head = entry.estimate > 0 ? Math.min(entry.head, priority) : priority;
    entry.estimate += count;
    entry.noted += count;
    this.#list(queue);
  }

  /** The queue was counted: that many tasks wait. */
  correct(queue: Q, { count, priority }: { count: number; priority: Priority }): void {
    const entry = this.#entryOf(queue);
    entry.estimate = count;
    entry.head = priority;
    if (count > 0) this.#list(queue);
    else this.#unlist(queue);
  }

  /** Where this agent should look next: the queue whose head is most urgent, of equals the one not looked into for longest. */
  next(agent: IdleAgent): Q | undefined {
    const open = this.#first(this.#waiting.get(null), agent);
    const own = this.#first(this.#waiting.get(agent.agentId), agent);
    if (!open || !own) return (open ?? own)?.queue;
    return own.head <= open.head ? own.queue : open.queue;
  }

  /** Takes one from the estimate, since somebody is about to look. */
  look(queue: Q): Look<Q> {
    const entry = this.#entryOf(queue);
    entry.estimate = Math.max(0, entry.estimate - 1);
    this.#unlist(queue);
    if (entry.estimate > 0) this.#list(queue);
    return { queue, notedBefore: entry.noted };
  }

  /** A task of this priority was found: those behind it are no more urgent. */
  found({ queue, notedBefore }: Look<Q>, priority: Priority): void {
    const entry = this.#entryOf(queue);
    if (entry.noted === notedBefore) entry.head = Math.max(entry.head, priority);
  }

  /** Nothing was there: only what was noted since can be waiting. */
  missed({ queue, notedBefore }: Look<Q>): void {
    const entry = this.#entryOf(queue);
    entry.estimate = Math.min(entry.estimate, entry.noted - notedBefore);
    if (entry.estimate === 0) this.#unlist(queue);
  }

  estimateOf(queue: Q): number {
    return this.#entries.get(queue)?.estimate ?? 0;
  }

  #first(queues: Iterable<Q> | undefined, agent: IdleAgent): { queue: Q; head: number } | undefined {
    let best: { queue: Q; head: number } | undefined;
    for (const queue of queues ?? []) {
      const { head } = this.#entryOf(queue);
      if (best && head >= best.head) continue;
      if (isQualified(agent, queue.routingClass)) best = { queue, head };
      if (best?.head === 0) break;
    }
    return best;
  }

  #entryOf(queue: Q): Entry {
    let entry = this.#entries.get(queue);
    if (!entry) this.#entries.set(queue, (entry = { estimate: 0, noted: 0, head: 0 }));
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
  /** Priority of the most urgent one, as far as known. */
  head: number;
}
