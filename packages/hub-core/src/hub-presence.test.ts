import type { AgentEntry } from "@hubscale/protocol";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HubPresence, type PresenceEvent, type PresenceOutcome } from "./hub-presence.ts";

/** Nodes and the bus between them, which delivers when it is told to, in order for each pair of nodes. */
class Hub {
  /** As clocks are: far above any difference between them. */
  nowMs = 1_000_000_000_000;
  readonly nodes: string[];
  readonly presence = new Map<string, HubPresence>();
  /** The connections that there are, by node and agent. */
  readonly connections = new Map<string, Map<string, AgentEntry>>();
  /** Where each agent connected last, as long as that connection has not ended by itself. */
  readonly last = new Map<string, string>();
  readonly published: PresenceEvent[] = [];
  readonly #wires = new Map<string, PresenceEvent[]>();
  readonly #skewMs: Map<string, number>;

  constructor(nodes: Record<string, number>) {
    this.nodes = Object.keys(nodes);
    this.#skewMs = new Map(Object.entries(nodes));
    for (const node of this.nodes) this.restart(node);
  }

  at(node: string): HubPresence {
    return this.presence.get(node) as HubPresence;
  }

  wire(from: string, to: string): PresenceEvent[] {
    const name = `${from} ${to}`;
    if (!this.#wires.has(name)) this.#wires.set(name, []);
    return this.#wires.get(name) as PresenceEvent[];
  }

  connect(agentId: string, node: string, name = agentId): void {
    const connected_at = this.at(node).connectedAt(agentId, this.#clockOf(node));
    const agent = { agent_id: agentId, name, status: "idle", capabilities: [], connected_at };
    this.#connectionsOf(node).set(agentId, agent);
    this.last.set(agentId, node);
    this.#follow(node, this.at(node).joined(agent));
  }

  disconnect(agentId: string, node: string): void {
    const agent = this.#connectionsOf(node).get(agentId);
    if (!agent) return;
    this.#connectionsOf(node).delete(agentId);
    if (this.last.get(agentId) === node) this.last.delete(agentId);
    this.#follow(node, this.at(node).left(agentId, agent.connected_at));
  }

  change(agentId: string, node: string, status: string): void {
    const agent = this.#connectionsOf(node).get(agentId);
    if (!agent) return;
    this.#connectionsOf(node).set(agentId, { ...agent, status });
    this.#follow(node, this.at(node).changed({ ...agent, status }));
  }

  beat(node: string): void {
    this.#publish(node, this.at(node).beat(this.#clockOf(node)));
  }

  /** All that was on its way to the node is lost with it, and its connections. */
  restart(node: string): void {
    this.presence.set(node, new HubPresence(node));
    this.connections.set(node, new Map());
    for (const [agentId, at] of this.last) if (at === node) this.last.delete(agentId);
    for (const other of this.nodes) this.wire(other, node).length = 0;
  }

  forget(node: string, at: string): void {
    if (node !== at) this.#follow(at, this.at(at).forget(node));
  }

  deliver(from: string, to: string, { stays = false } = {}): void {
    const event = stays ? this.wire(from, to)[0] : this.wire(from, to).shift();
    if (event) this.#follow(to, this.at(to).heard(event, this.#clockOf(to)));
  }

  deliverAll(): void {
    const busy = () =>
      this.nodes.flatMap((from) => this.nodes.filter((to) => this.wire(from, to).length > 0).map((to) => [from, to] as const));
    for (let wires = busy(); wires.length > 0; wires = busy()) for (const [from, to] of wires) this.deliver(from, to);
  }

  /** Each node's beat, and all that follows. What was published. */
  beatAll(): PresenceEvent[] {
    this.published.length = 0;
    for (const node of this.nodes) this.beat(node);
    this.deliverAll();
    return [...this.published];
  }

  truth(): AgentEntry[] {
    return byId([...this.connections.values()].flatMap((agents) => Array.from(agents.values())));
  }

  shownBy(node: string): AgentEntry[] {
    return byId([...this.at(node).shown.agents()]);
  }

  #follow(node: string, { superseded, publish }: PresenceOutcome<AgentEntry>): void {
    for (const agentId of superseded) this.#connectionsOf(node).delete(agentId);
    for (const event of publish) this.#publish(node, event);
  }

  #publish(node: string, event: PresenceEvent): void {
    this.published.push(event);
    // As over a bus: what arrives is a copy.
    for (const other of this.nodes) {
      if (other !== node) this.wire(node, other).push(JSON.parse(JSON.stringify(event)) as PresenceEvent);
    }
  }

  #connectionsOf(node: string): Map<string, AgentEntry> {
    return this.connections.get(node) as Map<string, AgentEntry>;
  }

  #clockOf(node: string): number {
    return this.nowMs + (this.#skewMs.get(node) as number);
  }
}

const byId = (agents: AgentEntry[]) => agents.sort((a, b) => (a.agent_id < b.agent_id ? -1 : 1));
const typesOf = (events: PresenceEvent[]) => events.map(({ type }) => type);

/** Nothing where all nodes show what is, each agent once, and have no more to say to each other than their beats. */
function faultsOf(hub: Hub): string[] {
  const truth = hub.truth();
  const shown = JSON.stringify(truth);
  return [
    ...truth
      .filter(({ agent_id }, n) => truth[n - 1]?.agent_id === agent_id)
      .map(({ agent_id }) => `${agent_id} is there twice`),
    ...hub.nodes.filter((name) => JSON.stringify(hub.shownBy(name)) !== shown).map((name) => `${name} shows something else`),
    ...typesOf(hub.beatAll()).filter((type) => type !== "node_here"),
  ];
}

function hubOf(...agents: string[]): Hub {
  const hub = new Hub({ A: 0, B: 0, C: 0 });
  for (const agentId of agents) hub.connect(agentId, "A");
  hub.deliverAll();
  return hub;
}

describe("presence on several nodes", () => {
  it("is known everywhere, and costs a beat of each node when nothing happens", () => {
    const hub = hubOf("a");
    hub.connect("b", "B");
    hub.change("a", "A", "busy");
    hub.deliverAll();
    expect(faultsOf(hub)).toEqual([]);
  });

  it.each([
    ["join", (hub: Hub) => hub.connect("new", "A")],
    ["leave", (hub: Hub) => hub.disconnect("a", "A")],
    ["change", (hub: Hub) => hub.change("a", "A", "busy")],
    [
      "join and leave",
      (hub: Hub) => {
        hub.disconnect("a", "A");
        hub.connect("new", "A");
      },
    ],
  ])("heals with the next beat where a %s was lost: who missed it asks that node, which answers all of them once", (_, act) => {
    const hub = hubOf("a", "b");
    hub.connect("c", "B");
    hub.deliverAll();
    act(hub);
    hub.wire("A", "B").length = 0;
    hub.wire("A", "C").length = 0;
    const said = hub.beatAll();
    const asked = ["presence_snapshot", "snapshot_wanted", "snapshot_wanted"];
    expect(typesOf(said).sort()).toEqual([...hub.nodes.map(() => "node_here"), ...asked]);
    expect(said.flatMap((event) => (event.type === "snapshot_wanted" ? [event.of] : []))).toEqual(["A", "A"]);
    expect(faultsOf(hub)).toEqual([]);
  });

  it("asks again at the next beat when the beat, the question or the answer is lost", () => {
    for (const lost of ["node_here", "snapshot_wanted", "presence_snapshot"]) {
      const hub = hubOf("a", "b");
      hub.disconnect("a", "A");
      hub.wire("A", "B").length = 0;
      hub.beat("A");
      if (lost === "node_here") hub.wire("A", "B").length = 0;
      hub.deliver("A", "B");
      if (lost === "snapshot_wanted") hub.wire("B", "A").length = 0;
      hub.deliver("B", "A");
      hub.wire("A", "B").length = 0;
      hub.deliverAll();
      expect(hub.shownBy("B"), lost).toHaveLength(2);
      hub.beatAll();
      expect(faultsOf(hub)).toEqual([]);
    }
  });

  it("sends a long list in parts that a message can hold, and replaces nothing until all of them are there", () => {
    const hub = new Hub({ A: 0, B: 0 });
    const count = 2_500;
    for (let n = 0; n < count; n++) hub.connect(`agent-${n}`, "A", "ü".repeat(150));
    hub.deliverAll();
    for (let n = 0; n < 500; n++) hub.disconnect(`agent-${n}`, "A");
    hub.connect("one more", "A");
    hub.wire("A", "B").length = 0;
    hub.published.length = 0;
    hub.beat("A");
    hub.deliver("A", "B");
    hub.deliver("B", "A");
    const parts = hub.published.filter(({ type }) => type === "presence_snapshot");
    expect(parts.length).toBeGreaterThan(3);
    for (const part of parts) expect(new TextEncoder().encode(JSON.stringify(part)).length).toBeLessThan(201_000);
    hub.wire("A", "B").splice(1, 1);
    hub.deliverAll();
    expect(hub.at("B").shown.size).toBe(count);
    // News between two parts is newer than the list.
    hub.published.length = 0;
    hub.beat("A");
    hub.deliver("A", "B");
    hub.deliver("B", "A");
    hub.deliver("A", "B");
    const rest = hub.wire("A", "B").splice(0);
    hub.disconnect("agent-2499", "A");
    hub.connect("and one more", "A");
    hub.wire("A", "B").push(...rest);
    hub.deliverAll();
    expect(faultsOf(hub)).toEqual([]);
  });

  it("knows a node that comes back under its name with nobody", () => {
    const hub = hubOf("a", "b");
    hub.restart("A");
    hub.beatAll();
    expect(hub.truth()).toEqual([]);
    expect(faultsOf(hub)).toEqual([]);
  });

  it("lets the later of two connections live, in whatever order the nodes hear of them, also with clocks that differ", () => {
    for (const skewMs of [-3_600_000, 0, 3_600_000]) {
      const hub = new Hub({ A: skewMs, B: 0 });
      hub.beatAll();
      hub.connect("a", "A");
      hub.wire("A", "B").length = 0;
      hub.nowMs += 1_000;
      hub.connect("a", "B");
      hub.wire("B", "A").length = 0;
      hub.beatAll();
      expect([...(hub.connections.get("B")?.keys() ?? [])], `A is ${skewMs} ms ahead`).toEqual(["a"]);
      expect(faultsOf(hub)).toEqual([]);
    }
  });

  it("keeps one of two connections that came at the same moment", () => {
    const hub = new Hub({ A: 0, B: 0 });
    hub.connect("a", "A");
    hub.connect("a", "B");
    hub.deliverAll();
    expect(hub.truth()).toHaveLength(1);
    expect(faultsOf(hub)).toEqual([]);
  });

  it("does nothing for a connection that another has replaced", () => {
    const hub = new Hub({ A: 0, B: 0 });
    hub.connect("a", "A");
    hub.deliverAll();
    const [replaced] = hub.shownBy("A") as [AgentEntry];
    hub.connect("a", "B");
    hub.deliverAll();
    for (const outcome of [
      hub.at("A").changed({ ...replaced, status: "a ghost" }),
      ...["A", "B"].map((name) => hub.at(name).left("a", replaced.connected_at)),
    ]) {
      expect(outcome).toEqual({ changes: [], superseded: [], publish: [] });
    }
    expect(faultsOf(hub)).toEqual([]);
  });
});

const NODES = ["A", "B", "C"];
const node = fc.constantFrom(...NODES);
const agent = fc.constantFrom("a", "b", "c", "d", "e", "f");
const skew = fc.constantFrom(-3_600_000, -20, 0, 0, 1_000, 86_400_000);

type Act = (hub: Hub) => void;
const agentActs: fc.Arbitrary<Act>[] = [
  fc.tuple(agent, node).map(
    ([a, n]) =>
      (hub) =>
        hub.connect(a, n, nameOf(a)),
  ),
  fc.tuple(agent, node).map(
    ([a, n]) =>
      (hub) =>
        hub.disconnect(a, n),
  ),
  fc.tuple(agent, node, fc.constantFrom("idle", "busy")).map(
    ([a, n, status]) =>
      (hub) =>
        hub.change(a, n, status),
  ),
  node.map((n) => (hub) => hub.beat(n)),
];
const busActs: fc.Arbitrary<Act>[] = [
  fc.tuple(node, node).map(
    ([from, to]) =>
      (hub) =>
        hub.deliver(from, to),
  ),
  fc.tuple(node, node).map(
    ([from, to]) =>
      (hub) =>
        hub.deliver(from, to),
  ),
  fc.tuple(node, node).map(
    ([from, to]) =>
      (hub) =>
        hub.deliver(from, to, { stays: true }),
  ),
  fc.tuple(node, node).map(
    ([from, to]) =>
      (hub) =>
        void hub.wire(from, to).shift(),
  ),
  fc.tuple(node, node).map(
    ([from, to]) =>
      (hub) =>
        void hub.wire(from, to).splice(0),
  ),
  fc.constant((hub: Hub) => hub.deliverAll()),
  node.map((n) => (hub) => hub.restart(n)),
  fc.tuple(node, node).map(
    ([n, at]) =>
      (hub) =>
        hub.forget(n, at),
  ),
];

let nameChars = 1;
const nameOf = (agentId: string) => agentId.padEnd(nameChars, "-");

/** After the acts, and two beats of each node over a bus that loses nothing; what is wrong then. */
function faultsAfter(skews: number[], acts: Act[]): { hub: Hub; faults: string[] } {
  const hub = new Hub(Object.fromEntries(NODES.map((name, n) => [name, skews[n] as number])));
  for (const act of acts) {
    hub.nowMs += 1;
    act(hub);
  }
  hub.deliverAll();
  const repeated = [1, 2].flatMap(() => {
    const said = hub.beatAll().flatMap((event) => (event.type === "presence_snapshot" && event.part === 0 ? [event.node] : []));
    return said.filter((name, n) => said.indexOf(name) < n).map((name) => `${name} answered twice`);
  });
  return { hub, faults: [...repeated, ...faultsOf(hub)] };
}

describe("after any losses, repetitions, restarts and delays", () => {
  it.each([
    ["short", 1, 500],
    // Two agents fill a part of a snapshot.
    ["long", 70_000, 30],
  ])("all nodes agree with the truth within two beats, and are silent then (%s lists)", (_, chars, numRuns) => {
    nameChars = chars;
    const acts = fc.array(fc.oneof(...agentActs, ...busActs), { maxLength: 80 });
    fc.assert(
      fc.property(fc.tuple(skew, skew, skew), acts, (skews, each) => {
        expect(faultsAfter(skews, each).faults).toEqual([]);
      }),
      { numRuns },
    );
  });

  it("each agent is where it connected last, with clocks that differ and whatever was lost", () => {
    nameChars = 1;
    const lossy = fc.array(fc.tuple(fc.oneof(...agentActs), fc.array(fc.boolean(), { minLength: 6, maxLength: 6 })), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(fc.tuple(skew, skew, skew), lossy, (skews, acts) => {
        // All have heard each other's clock once.
        const warm: Act = (hub) => void hub.beatAll();
        const steps = acts.map(
          ([act, losses]): Act =>
            (hub) => {
              hub.nowMs += 1_000;
              act(hub);
              const pairs = NODES.flatMap((from) => NODES.filter((to) => to !== from).map((to) => [from, to] as const));
              for (const [n, [from, to]] of pairs.entries()) if (losses[n]) hub.wire(from, to).length = 0;
              hub.deliverAll();
            },
        );
        const { hub, faults } = faultsAfter(skews, [warm, ...steps]);
        expect(faults).toEqual([]);
        for (const [agentId, at] of hub.last) expect(hub.connections.get(at)?.has(agentId), agentId).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
