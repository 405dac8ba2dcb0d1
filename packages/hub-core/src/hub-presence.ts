/**
 * Who is connected to which node of a hub, over a bus that may lose any message. Only a node speaks of its own agents; the others
 * keep a copy of its list. Its beat carries a digest of the list: a node whose copy differs asks that node alone for a snapshot,
 * which replaces the copy. Where two nodes list one agent, the later connection counts, and the other node gives its own up.
 */
import type { AgentEntry } from "@hubscale/protocol";
import { Presence } from "./presence.ts";
import { SetDigest, type TextHash, textHashOf } from "./set-digest.ts";

/** What nodes tell each other. `node` is the speaker. */
export type PresenceEvent<E extends AgentEntry = AgentEntry> =
  | { type: "agent_joined" | "agent_changed"; node: string; agent: E }
  | { type: "agent_left"; node: string; agentId: string; connectedAt: number }
  /** A beat: how many agents the node has, a digest of its list, and its clock. */
  | { type: "node_here"; node: string; agents: number; digest: string; nowMs: number }
  /** Asks the node `of` for its list. */
  | { type: "snapshot_wanted"; node: string; of: string }
  /** One part of the list, `part` of 0 to `parts` - 1; `digest` is that of the whole list. */
  | { type: "presence_snapshot"; node: string; digest: string; part: number; parts: number; agents: E[] };

/** What follows from an event, for the caller to do in this order. */
export interface PresenceOutcome<E extends AgentEntry> {
  /** What the hub shows of an agent is another than before. */
  changes: { before: E | undefined; after: E | undefined }[];
  /** Ids of agents whose latest connection is with another node: one that this node may still have is over. */
  superseded: string[];
  publish: PresenceEvent<E>[];
}

export class HubPresence<E extends AgentEntry = AgentEntry> {
  /** One entry for each agent of the hub. */
  readonly shown = new Presence<E>();
  readonly #node: string;
  readonly #own = new AgentList<E>();
  readonly #others = new Map<string, Copy<E>>();
  #isSnapshotSaid = false;

  constructor(node: string) {
    this.#node = node;
  }

  /**
   * A `connected_at` for a connection of this node: later than any that is known of the agent, and by the fastest clock of the
   * hub, so that the order is right also where a node has not heard of the connection before.
   */
  connectedAt(agentId: string, nowMs: number): number {
    let aheadMs = 0;
    for (const copy of this.#others.values()) aheadMs = Math.max(aheadMs, copy.aheadMs);
    return Math.max(nowMs + aheadMs, (this.shown.get(agentId)?.connected_at ?? 0) + 1);
  }

  /** A connection of this node; it takes the place of an earlier one of the same agent. */
  joined(agent: E): PresenceOutcome<E> {
    const outcome = nothing<E>();
    this.#own.put(agent);
    outcome.publish.push({ type: "agent_joined", node: this.#node, agent });
    this.#settle(agent.agent_id, outcome);
    return outcome;
  }

  /** An agent of this node is shown otherwise. Nothing where that connection is not there any more. */
  changed(agent: E): PresenceOutcome<E> {
    const outcome = nothing<E>();
    if (this.#own.get(agent.agent_id)?.connected_at !== agent.connected_at) return outcome;
    this.#own.put(agent);
    outcome.publish.push({ type: "agent_changed", node: this.#node, agent });
    this.#settle(agent.agent_id, outcome);
    return outcome;
  }

  /** A connection of this node has ended. Nothing where a later one has taken its place. */
  left(agentId: string, connectedAt: number): PresenceOutcome<E> {
    const outcome = nothing<E>();
    if (this.#own.get(agentId)?.connected_at !== connectedAt) return outcome;
    this.#leave(agentId, connectedAt, outcome);
    this.#settle(agentId, outcome);
    return outcome;
  }

  /** To be published now: the list that it speaks of is the present one. */
  beat(nowMs: number): PresenceEvent<E> {
    this.#isSnapshotSaid = false;
    return { type: "node_here", node: this.#node, agents: this.#own.size, digest: this.#own.digest, nowMs };
  }

  /** An event of another node, in the order in which that node published; this node's own are passed over. */
  heard(event: PresenceEvent<E>, nowMs: number): PresenceOutcome<E> {
    const outcome = nothing<E>();
    if (event.node === this.#node) return outcome;
    if (event.type === "snapshot_wanted") {
      // One answer to all who saw the same beat: it reaches every node.
      if (event.of !== this.#node || this.#isSnapshotSaid) return outcome;
      this.#isSnapshotSaid = true;
      outcome.publish.push(...snapshotOf(this.#node, this.#own));
      return outcome;
    }
    const copy = this.#copyOf(event.node);
    switch (event.type) {
      case "agent_joined":
      case "agent_changed":
        copy.agents.put(event.agent);
        copy.snapshot?.later.add(event.agent.agent_id);
        this.#settle(event.agent.agent_id, outcome);
        break;
      case "agent_left":
        if (copy.agents.get(event.agentId)?.connected_at === event.connectedAt) copy.agents.remove(event.agentId);
        copy.snapshot?.later.add(event.agentId);
        this.#settle(event.agentId, outcome);
        break;
      case "node_here":
        // Parts of a snapshot that have not come by now are lost.
        copy.snapshot = undefined;
        // A node of an earlier version says none: it has no snapshot either.
        if (event.digest === undefined) break;
        copy.aheadMs = event.nowMs - nowMs;
        if (event.digest !== copy.agents.digest) {
          outcome.publish.push({ type: "snapshot_wanted", node: this.#node, of: event.node });
        }
        break;
      case "presence_snapshot":
        this.#takePart(copy, event, outcome);
    }
    return outcome;
  }

  /** The agents of a node that is gone are gone. */
  forget(node: string): PresenceOutcome<E> {
    const outcome = nothing<E>();
    const agents = this.#others.get(node)?.agents;
    this.#others.delete(node);
    for (const agentId of agents?.ids() ?? []) this.#settle(agentId, outcome);
    return outcome;
  }

  #takePart(copy: Copy<E>, part: Extract<PresenceEvent<E>, { type: "presence_snapshot" }>, outcome: PresenceOutcome<E>): void {
    // It was another node that asked.
    if (part.digest === copy.agents.digest) return;
    if (copy.snapshot?.digest !== part.digest || copy.snapshot.parts !== part.parts) {
      const missing = new Set(Array.from({ length: part.parts }, (_, index) => index));
      copy.snapshot = { digest: part.digest, parts: part.parts, missing, agents: new AgentList(), later: new Set() };
    }
    const { missing, agents, later } = copy.snapshot;
    if (!missing.delete(part.part)) return;
    for (const agent of part.agents) agents.put(agent);
    if (missing.size > 0) return;
    copy.snapshot = undefined;
    const before = copy.agents;
    for (const agentId of later) agents.copyFrom(before, agentId);
    copy.agents = agents;
    for (const agentId of before.ids()) this.#settle(agentId, outcome);
    for (const agentId of agents.ids()) if (!before.get(agentId)) this.#settle(agentId, outcome);
  }

  /** Shows the latest connection that any node has of the agent; in a tie, that of the node that is last by name. O(nodes). */
  #settle(agentId: string, outcome: PresenceOutcome<E>): void {
    const own = this.#own.get(agentId);
    let after = own;
    let node = this.#node;
    for (const [other, { agents }] of this.#others) {
      const agent = agents.get(agentId);
      if (!agent) continue;
      const laterMs = after === undefined ? 1 : agent.connected_at - after.connected_at;
      if (laterMs > 0 || (laterMs === 0 && other > node)) [after, node] = [agent, other];
    }
    const before = this.shown.get(agentId);
    if (after !== before) {
      if (after) this.shown.put(after);
      else this.shown.remove(agentId);
      outcome.changes.push({ before, after });
    }
    if (node === this.#node) return;
    if (own || after !== before) outcome.superseded.push(agentId);
    if (own) this.#leave(agentId, own.connected_at, outcome);
  }

  #leave(agentId: string, connectedAt: number, outcome: PresenceOutcome<E>): void {
    this.#own.remove(agentId);
    outcome.publish.push({ type: "agent_left", node: this.#node, agentId, connectedAt });
  }

  #copyOf(node: string): Copy<E> {
    let copy = this.#others.get(node);
    if (!copy) {
      copy = { agents: new AgentList(), aheadMs: 0, snapshot: undefined };
      this.#others.set(node, copy);
    }
    return copy;
  }
}

/** Of another node. */
interface Copy<E extends AgentEntry> {
  agents: AgentList<E>;
  /** How far its clock was ahead of this node's at its last beat. */
  aheadMs: number;
  /** As far as its parts have come; `later`: agents of which more recent news came between them. */
  snapshot: { digest: string; parts: number; missing: Set<number>; agents: AgentList<E>; later: Set<string> } | undefined;
}

/** The agents of one node. Entries are not changed once they are in. */
class AgentList<E extends AgentEntry> {
  readonly #agents = new Map<string, { agent: E; hash: TextHash }>();
  readonly #digest = new SetDigest();

  get size(): number {
    return this.#agents.size;
  }

  get digest(): string {
    return this.#digest.toString();
  }

  get(agentId: string): E | undefined {
    return this.#agents.get(agentId)?.agent;
  }

  ids(): Iterable<string> {
    return this.#agents.keys();
  }

  *entries(): Iterable<E> {
    for (const { agent } of this.#agents.values()) yield agent;
  }

  put(agent: E): void {
    const before = this.#agents.get(agent.agent_id);
    if (before) this.#digest.toggle(before.hash);
    const hash = textHashOf(JSON.stringify(agent));
    this.#digest.toggle(hash);
    this.#agents.set(agent.agent_id, { agent, hash });
  }

  remove(agentId: string): void {
    const before = this.#agents.get(agentId);
    if (!before) return;
    this.#digest.toggle(before.hash);
    this.#agents.delete(agentId);
  }

  copyFrom(other: AgentList<E>, agentId: string): void {
    const agent = other.get(agentId);
    if (agent) this.put(agent);
    else this.remove(agentId);
  }
}

/** The list in numbered parts, at least one. */
function snapshotOf<E extends AgentEntry>(node: string, list: AgentList<E>): PresenceEvent<E>[] {
  const parts: E[][] = [[]];
  let bytes = 0;
  for (const agent of list.entries()) {
    const agentBytes = utf8BytesOf(JSON.stringify(agent)) + 1;
    if (bytes > 0 && bytes + agentBytes > SNAPSHOT_PART_BYTES) {
      parts.push([]);
      bytes = 0;
    }
    bytes += agentBytes;
    (parts.at(-1) as E[]).push(agent);
  }
  const { digest } = list;
  return parts.map((agents, part) => ({ type: "presence_snapshot", node, digest, part, parts: parts.length, agents }));
}

/** Agents in one part of a snapshot, as JSON: half of what a bus carries in one message, some thousand agents. */
const SNAPSHOT_PART_BYTES = 200_000;

function utf8BytesOf(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    // Half a pair counts two, since a pair is four bytes.
    if (code >= 0x80) bytes += code >= 0x800 && (code < 0xd800 || code > 0xdfff) ? 2 : 1;
  }
  return bytes;
}

function nothing<E extends AgentEntry>(): PresenceOutcome<E> {
  return { changes: [], superseded: [], publish: [] };
}
