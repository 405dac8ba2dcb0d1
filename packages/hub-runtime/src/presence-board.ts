/**
 * Who is connected, on this node and on the others, and telling the agents of it. News of this node's own agents takes effect
 * here at once, and reaches the other nodes over the bus.
 */
import { HubPresence, isSameAgentEntry, type PresenceOutcome } from "@hubscale/hub-core";
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
  readonly #hub: HubPresence<PresenceEntry>;
  readonly #nodeSeenAt = new Map<string, number>();
  #isWindowOpen = false;
  #isSilent = false;
  #isBeatWanted = false;

  constructor(options: PresenceBoardOptions) {
    this.#options = options;
    this.#hub = new HubPresence(options.node);
  }

  /** Agents on all nodes. */
  get size(): number {
    return this.#hub.shown.size;
  }

  isOnline(agentId: string): boolean {
    return this.#hub.shown.get(agentId) !== undefined;
  }

  /** In order of joining. The state of an agent on another node may be half a minute old. */
  *entries(): Iterable<PresenceEntry> {
    for (const entry of this.#hub.shown.agents()) {
      const local = this.#options.roster.get(entry.agent_id);
      yield local ? local.entry(this.#options.roster.shownState(local)) : entry;
    }
  }

  /** A `connected_at` for a connection that comes now: later than that of any earlier one, whatever the nodes' clocks say. */
  connectedAt(agentId: string): number {
    return this.#hub.connectedAt(agentId, this.#options.clock.nowMs());
  }

  /** Whether the agent has a connection, on any node, that came later than this. */
  hasLater(agentId: string, connectedAt: number): boolean {
    return (this.#hub.shown.get(agentId)?.connected_at ?? 0) > connectedAt;
  }

  /** An agent of this node joined. */
  joined(agent: ConnectedAgent): void {
    this.#apply(this.#hub.joined(this.#entryOf(agent)));
  }

  /** An agent of this node changed its status. */
  changed(agent: ConnectedAgent): void {
    this.#apply(this.#hub.changed(this.#entryOf(agent)), "always");
  }

  /** An agent of this node is gone. */
  left(agent: ConnectedAgent): void {
    this.#apply(this.#hub.left(agent.agentId, agent.connectedAt));
  }

  /** News from the bus. This node's own, looped back, is known already. */
  receive(event: BusEvent): void {
    const { node, clock } = this.#options;
    if (!("node" in event) || event.node === node) return;
    this.#nodeSeenAt.set(event.node, clock.monotonicMs());
    if (event.type === "presence_wanted") return this.#beatSoon();
    this.#apply(this.#hub.heard(event, clock.nowMs()));
  }

  /** Says that this node is here, and asks the others to say so. */
  open(): void {
    const { node, publish } = this.#options;
    this.beat();
    publish({ type: "presence_wanted", node });
  }

  /** To be called every `NODE_HERE_EVERY_MS`: a sign of life, states that have changed, and nodes that have fallen silent. */
  beat(): void {
    const { clock, publish, roster } = this.#options;
    for (const agent of roster.all()) {
      if (agent.toldState !== roster.shownState(agent)) this.#apply(this.#hub.changed(this.#entryOf(agent)));
    }
    publish(this.#hub.beat(clock.nowMs()));
    for (const [silent, seenAt] of this.#nodeSeenAt) {
      if (clock.monotonicMs() - seenAt < NODE_SILENT_MS) continue;
      this.#nodeSeenAt.delete(silent);
      this.#apply(this.#hub.forget(silent));
    }
  }

  /** Tells no local agent any more: all of them are about to be sent away. Other nodes are still told. */
  fallSilent(): void {
    this.#isSilent = true;
  }

  /** Once for all nodes that start at about the same time. */
  #beatSoon(): void {
    if (this.#isBeatWanted) return;
    this.#isBeatWanted = true;
    this.#options.clock.after(BEAT_WANTED_MS, () => {
      this.#isBeatWanted = false;
      this.beat();
    });
  }

  /** `always`: an agent that says its status again is shown again. */
  #apply(
    { changes, superseded, publish }: PresenceOutcome<PresenceEntry>,
    statusChanged: "always" | "if it did" = "if it did",
  ): void {
    const { roster, publish: send } = this.#options;
    for (const { before, after } of changes) {
      if (before && !after) this.#tell({ type: "agent_left", agent_id: before.agent_id }, before.agent_id);
      if (!after) continue;
      if (before?.connected_at !== after.connected_at) {
        this.#tell({ type: "agent_joined", agent: agentEntryOf(after) }, after.agent_id);
      } else if (statusChanged === "always" || !isSameAgentEntry(before, after)) {
        this.#tell({ type: "status_changed", agent: agentEntryOf(after) });
      }
    }
    for (const agentId of superseded) {
      const local = roster.get(agentId);
      if (local) roster.supersede(local);
    }
    for (const event of publish) send(event);
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
      this.#hub.shown.takeDigest();
      fanOut(frame, roster.all(), except);
      return;
    }
    if (this.#isWindowOpen) return;
    this.#isWindowOpen = true;
    clock.after(PRESENCE_WINDOW_MS, () => this.#closeWindow());
  }

  #closeWindow(): void {
    this.#isWindowOpen = false;
    const digest = this.#hub.shown.takeDigest();
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

/** Nodes that are started together ask within this time of each other; it is also how long a newcomer knows nobody. */
const BEAT_WANTED_MS = 100;
