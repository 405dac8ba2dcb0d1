/**
 * Who is there, and what has changed since it was last told: many joins, leaves and status changes become one digest of net
 * changes. A status that went and came back, or an agent that came and went, is in no digest.
 */
import type { AgentEntry } from "@hubscale/protocol";

/** No agent is in two of the lists. An agent that left and came back is `changed`. */
export interface PresenceDigest<E extends AgentEntry = AgentEntry> {
  joined: E[];
  changed: E[];
  left: string[];
}

export class Presence<E extends AgentEntry = AgentEntry> {
  readonly #agents = new Map<string, E>();
  /** For each agent that was touched since the last digest: what the last digest's readers know of it. */
  readonly #told = new Map<string, E | undefined>();
  readonly #isSame: (a: E, b: E) => boolean;

  /** `isSame`: whether two entries look the same to the readers of digests. */
  constructor(isSame: (a: E, b: E) => boolean = isSameAgentEntry) {
    this.#isSame = isSame;
  }

  get size(): number {
    return this.#agents.size;
  }

  get(agentId: string): E | undefined {
    return this.#agents.get(agentId);
  }

  /** In order of joining. */
  agents(): Iterable<E> {
    return this.#agents.values();
  }

  /** A join or a change. */
  put(agent: E): void {
    this.#remember(agent.agent_id);
    this.#agents.set(agent.agent_id, agent);
  }

  /** False: it was not there. */
  remove(agentId: string): boolean {
    this.#remember(agentId);
    return this.#agents.delete(agentId);
  }

  /** Net changes since the last call; undefined: none. O(agents touched). */
  takeDigest(): PresenceDigest<E> | undefined {
    const digest: PresenceDigest<E> = { joined: [], changed: [], left: [] };
    for (const [agentId, before] of this.#told) {
      const now = this.#agents.get(agentId);
      if (!before && now) digest.joined.push(now);
      else if (before && !now) digest.left.push(agentId);
      else if (before && now && !this.#isSame(before, now)) digest.changed.push(now);
    }
    this.#told.clear();
    return digest.joined.length + digest.changed.length + digest.left.length > 0 ? digest : undefined;
  }

  #remember(agentId: string): void {
    if (!this.#told.has(agentId)) this.#told.set(agentId, this.#agents.get(agentId));
  }
}

export function isSameAgentEntry(a: AgentEntry, b: AgentEntry): boolean {
  return (
    a.name === b.name &&
    a.status === b.status &&
    a.connected_at === b.connected_at &&
    a.capabilities.length === b.capabilities.length &&
    a.capabilities.every((capability, index) => capability === b.capabilities[index])
  );
}
