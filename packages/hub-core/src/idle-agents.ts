/**
 * The idle agents, indexed: grouped by what they can do, and inside a group by host, each in order of becoming idle. A fleet
 * has many agents but few distinct capability sets.
 */
import { KeyedHeap } from "./keyed-heap.ts";
import { parseRoutingClass } from "./routing-class.ts";
import { type IdleAgent, isQualified } from "./scheduling.ts";

export class IdleAgents {
  readonly #byId = new Map<string, Waiting>();
  readonly #groups = new Map<string, Group>();
  #added = 0;

  get size(): number {
    return this.#byId.size;
  }

  has(agentId: string): boolean {
    return this.#byId.has(agentId);
  }

  /** The last in line. O(log n). Throws if it is already idle. */
  add(agent: IdleAgent): void {
    if (this.#byId.has(agent.agentId)) throw new Error(`agent ${agent.agentId} is already idle`);
    const group = this.#groupFor(agent.capabilities);
    const waiting = { agent, place: this.#added++, group };
    this.#byId.set(agent.agentId, waiting);
    group.all.add(agent.agentId, waiting);
    if (agent.ollamaHost === null) return;
    let onHost = group.byHost.get(agent.ollamaHost);
    if (!onHost) group.byHost.set(agent.ollamaHost, (onHost = new KeyedHeap(isBefore)));
    onHost.add(agent.agentId, waiting);
  }

  /** O(log n). False: it was not idle. */
  remove(agentId: string): boolean {
    const waiting = this.#byId.get(agentId);
    if (!waiting) return false;
    const { agent, group } = waiting;
    this.#byId.delete(agentId);
    group.all.remove(agentId);
    if (group.all.size === 0) this.#groups.delete(group.name);
    if (agent.ollamaHost !== null) {
      const onHost = group.byHost.get(agent.ollamaHost);
      onHost?.remove(agentId);
      if (onHost?.size === 0) group.byHost.delete(agent.ollamaHost);
    }
    return true;
  }

  /**
   * The agent that should run a task of this class: the longest idle that qualifies, on `preferredHost` if there is one there.
   * Does not remove it. O(distinct capability sets), O(1) for a class that names its agent.
   */
  best(routingClass: string, preferredHost: string | null): IdleAgent | undefined {
    const wanted = parseRoutingClass(routingClass);
    if (wanted.assign_to !== null) {
      const named = this.#byId.get(wanted.assign_to)?.agent;
      return named && isQualified(named, wanted) ? named : undefined;
    }
    let anywhere: Waiting | undefined;
    let onHost: Waiting | undefined;
    for (const group of this.#groups.values()) {
      const head = group.all.head as Waiting;
      // All of a group have the same capabilities: its head answers for it.
      if (!isQualified(head.agent, wanted)) continue;
      anywhere = earlier(anywhere, head);
      if (preferredHost !== null) onHost = earlier(onHost, group.byHost.get(preferredHost)?.head);
    }
    return (onHost ?? anywhere)?.agent;
  }

  #groupFor(capabilities: readonly string[]): Group {
    const name = JSON.stringify([...new Set(capabilities)].sort());
    let group = this.#groups.get(name);
    if (!group) this.#groups.set(name, (group = { name, all: new KeyedHeap(isBefore), byHost: new Map() }));
    return group;
  }
}

interface Waiting {
  agent: IdleAgent;
  /** Rises with each agent that becomes idle. */
  place: number;
  group: Group;
}

interface Group {
  name: string;
  all: KeyedHeap<Waiting>;
  byHost: Map<string, KeyedHeap<Waiting>>;
}

function isBefore(a: Waiting, b: Waiting): boolean {
  return a.place < b.place;
}

function earlier(a: Waiting | undefined, b: Waiting | undefined): Waiting | undefined {
  if (!a || !b) return a ?? b;
  return isBefore(b, a) ? b : a;
}
