/**
 * Who is connected, on this node and on the others, and telling the agents of it. News of this node's own agents takes effect
 * here at once, and reaches the other nodes over the bus.
 */
import { isSameAgentEntry, Presence } from "@hubscale/hub-core";
import type { HubFrame } from "@hubscale/protocol";
import { type HubBehaviour, INDIVIDUAL_PRESENCE_AGENTS, PRESENCE_CHANNEL, PRESENCE_WINDOW_MS } from "./behaviour.ts";
import { agentEntryOf, type ConnectedAgent } from "./connected-agent.ts";
import { fanOut, subscribersOf } from "./fan-out.ts";
import type { BusEvent, Clock, PresenceEntry } from "./ports.ts";
import type { LocalRoster } from "./roster.ts";

export interface PresenceBoardOptions {
  node: string;
  clock: Clock;
  behaviour: HubBehaviour;
  roster: LocalRoster;
  publish(event: BusEvent): void;
}

export class PresenceBoard {
  readonly #options: PresenceBoardOptions;
  readonly #presence = new Presence<NodeEntry>();
  readonly #nodeSeenAt = new Map<string, number>();
  #isWindowOpen = false;
  #isSilent = false;

  constructor(options: PresenceBoardOptions) {
    this.#options = options;
  }

  /** Agents on all nodes. */
  get size(): number {
    return this.#presence.size;
  }

  isOnline(agentId: string): boolean {
    return this.#presence.get(agentId) !== undefined;
  }

  /** In order of joining. The state of an agent on another node may be half a minute old. */
  *entries(): Iterable<PresenceEntry> {
    for (const { node: _, ...entry } of this.#presence.agents()) {
      const local = this.#options.roster.get(entry.agent_id);
      yield local ? local.entry(this.#options.roster.shownState(local)) : entry;
    }
  }

  /** A `connected_at` for a new connection: later than that of any earlier one, whatever the nodes' clocks say. */
  connectedAt(agentId: string): number {
    return Math.max(this.#options.clock.nowMs(), (this.#presence.get(agentId)?.connected_at ?? 0) + 1);
  }

  /** An agent of this node joined. */
  joined(agent: ConnectedAgent): void {
    const entry = this.#entryOf(agent);
    this.#put({ ...entry, node: this.#options.node });
    this.#options.publish({ type: "agent_joined", node: this.#options.node, agent: entry });
  }

  /** An agent of this node changed its status. */
  changed(agent: ConnectedAgent): void {
    const entry = this.#entryOf(agent);
    this.#put({ ...entry, node: this.#options.node });
    this.#options.publish({ type: "agent_changed", node: this.#options.node, agent: entry });
  }

  /** An agent of this node is gone. */
  left(agent: ConnectedAgent): void {
    this.#remove(this.#options.node, agent.agentId, agent.connectedAt);
    this.#options.publish({
      type: "agent_left",
      node: this.#options.node,
      agentId: agent.agentId,
      connectedAt: agent.connectedAt,
    });
  }

  /** News from the bus. This node's own, looped back, is known already. */
  receive(event: BusEvent): void {
    if (!("node" in event) || event.node === this.#options.node) return;
    this.#nodeSeenAt.set(event.node, this.#options.clock.monotonicMs());
    switch (event.type) {
      case "agent_joined":
      case "agent_changed":
        return this.#heard(event.node, event.agent);
      case "agent_left":
        return this.#remove(event.node, event.agentId, event.connectedAt);
      case "presence_wanted":
        return this.#sayAll();
      case "node_here":
        if (event.agents !== this.#countOf(event.node)) {
          this.#options.publish({ type: "presence_wanted", node: this.#options.node });
        }
        return;
    }
  }

  /** To be called every `NODE_HERE_EVERY_MS`: a sign of life, states that have changed, and nodes that have fallen silent. */
  beat(): void {
    const { node, clock, publish, roster } = this.#options;
    publish({ type: "node_here", node, agents: roster.size });
    for (const agent of roster.all()) {
      if (agent.toldState !== roster.shownState(agent)) {
        publish({ type: "agent_changed", node, agent: this.#entryOf(agent) });
      }
    }
    for (const [silent, seenAt] of this.#nodeSeenAt) {
      if (clock.monotonicMs() - seenAt < NODE_SILENT_MS) continue;
      this.#nodeSeenAt.delete(silent);
      for (const entry of this.#presence.agents()) {
        if (entry.node === silent) this.#remove(silent, entry.agent_id, entry.connected_at);
      }
    }
  }

  /** Tells no local agent any more: all of them are about to be sent away. Other nodes are still told. */
  fallSilent(): void {
    this.#isSilent = true;
  }

  #heard(node: string, agent: PresenceEntry): void {
    const known = this.#presence.get(agent.agent_id);
    if (known && known.node !== node && known.connected_at > agent.connected_at) return;
    const local = this.#options.roster.get(agent.agent_id);
    this.#put({ ...agent, node });
    if (local) this.#options.roster.supersede(local);
  }

  #put(entry: NodeEntry): void {
    const known = this.#presence.get(entry.agent_id);
    this.#presence.put(entry);
    if (!known || known.connected_at !== entry.connected_at) {
      this.#tell({ type: "agent_joined", agent: agentEntryOf(entry) }, entry.agent_id);
    } else if (entry.node === this.#options.node || !isSameAgentEntry(known, entry)) {
      this.#tell({ type: "status_changed", agent: agentEntryOf(entry) });
    }
  }

  #remove(node: string, agentId: string, connectedAt: number): void {
    const known = this.#presence.get(agentId);
    if (!known || known.node !== node || known.connected_at !== connectedAt) return;
    this.#presence.remove(agentId);
    this.#tell({ type: "agent_left", agent_id: agentId }, agentId);
  }

  #sayAll(): void {
    const { node, publish, roster } = this.#options;
    for (const agent of roster.all()) publish({ type: "agent_joined", node, agent: this.#entryOf(agent) });
  }

  #countOf(node: string): number {
    let count = 0;
    for (const entry of this.#presence.agents()) if (entry.node === node) count++;
    return count;
  }

  #entryOf(agent: ConnectedAgent): PresenceEntry {
    agent.toldState = this.#options.roster.shownState(agent);
    return agent.entry(agent.toldState);
  }

  #tell(frame: HubFrame, except?: string): void {
    if (this.#isSilent) return;
    const { behaviour, clock, roster } = this.#options;
    const isIndividual = behaviour.presence === "every-event" || this.size <= INDIVIDUAL_PRESENCE_AGENTS;
    if (isIndividual && !this.#isWindowOpen) {
      // What everybody has been told is no news for a digest.
      this.#presence.takeDigest();
      fanOut(frame, roster.all(), except);
      return;
    }
    if (this.#isWindowOpen) return;
    this.#isWindowOpen = true;
    clock.after(PRESENCE_WINDOW_MS, () => this.#closeWindow());
  }

  #closeWindow(): void {
    this.#isWindowOpen = false;
    const digest = this.#presence.takeDigest();
    if (!digest) return;
    const { roster } = this.#options;
    const readers =
      this.size <= INDIVIDUAL_PRESENCE_AGENTS ? [...roster.all()] : [...subscribersOf(PRESENCE_CHANNEL, roster.all())];
    if (readers.length === 0) return;
    for (const agent of digest.joined) fanOut({ type: "agent_joined", agent: agentEntryOf(agent) }, readers, agent.agent_id);
    for (const agent of digest.changed) fanOut({ type: "status_changed", agent: agentEntryOf(agent) }, readers);
    for (const agentId of digest.left) fanOut({ type: "agent_left", agent_id: agentId }, readers);
  }
}

/** Between two signs of life of a node. */
export const NODE_HERE_EVERY_MS = 10_000;

/** Three signs missed, and some time for a slow bus. */
const NODE_SILENT_MS = 35_000;

type NodeEntry = PresenceEntry & { node: string };
