import { expect, test } from "vitest";
import { type HubBehaviour, PRESENCE_CHANNEL } from "./behaviour.ts";
import type { BusEvent } from "./ports.ts";
import type { ConnectedAgent } from "./connected-agent.ts";
import { PresenceBoard } from "./presence-board.ts";
import { LocalRoster } from "./roster.ts";
import { ManualClock } from "./testing/manual-clock.ts";
import { lineAgent } from "./testing/recording-line.ts";

class Node {
  /** Nothing that it says reaches the others. */
  isCutOff = false;
  readonly roster: LocalRoster;
  readonly board: PresenceBoard;
  readonly #clock: ManualClock;

  constructor(node: string, clock: ManualClock, presence: HubBehaviour["presence"], bus: Set<Node>, said: string[] = []) {
    this.#clock = clock;
    const behaviour = { warts: false, presence };
    const ignore = () => undefined;
    this.roster = new LocalRoster({ clock, behaviour, notify: ignore, reclaim: async () => true, onAssigned: ignore });
    const publish = (event: BusEvent) => {
      said.push(event.type);
      for (const each of bus) if (each === this || !this.isCutOff) each.board.receive(event);
    };
    this.board = new PresenceBoard({ node, clock, behaviour, roster: this.roster, publish });
    bus.add(this);
  }

  join(agentId: string) {
    const joined = lineAgent(agentId, this.board.connectedAt(agentId));
    this.roster.join(joined.agent);
    this.board.joined(joined.agent);
    return joined;
  }

  leave(agent: ReturnType<typeof lineAgent>["agent"]): void {
    if (this.roster.leave(agent)) this.board.left(agent);
  }

  online(): string[] {
    return [...this.board.entries()].map(({ agent_id }) => agent_id).sort();
  }

  beat(ms: number): void {
    this.#clock.advance(ms);
    this.board.beat();
  }
}

function hub(presence: HubBehaviour["presence"], nodes = 1) {
  const clock = new ManualClock();
  const bus = new Set<Node>();
  /** Types of the events on the bus. */
  const said: string[] = [];
  const all = Array.from({ length: nodes }, (_, n) => new Node(`n${n}`, clock, presence, bus, said));
  return { clock, bus, said, nodes: all, one: all[0] as Node, two: all[1] as Node };
}

test("each join goes to every other agent at once", () => {
  const { one } = hub("digest");
  const a = one.join("a");
  const b = one.join("b");
  expect(a.line.takeTypes()).toEqual(["agent_joined"]);
  expect(b.line.takeTypes()).toEqual([]);
  one.board.changed(b.agent);
  expect(a.line.takeTypes()).toEqual(["status_changed"]);
  expect(b.line.takeTypes()).toEqual(["status_changed"]);
  one.leave(b.agent);
  expect(a.line.takeTypes()).toEqual(["agent_left"]);
});

test("a large hub sends net changes to subscribers only", () => {
  const { one, clock } = hub("digest");
  const crowd = Array.from({ length: 64 }, (_, n) => one.join(`a${n}`));
  const [subscriber, bystander] = crowd;
  subscriber?.agent.channels.add(PRESENCE_CHANNEL);
  for (const { line } of crowd) line.takeTypes();
  const stays = one.join("stays");
  one.leave(one.join("passes").agent);
  one.leave(crowd[63]?.agent as never);
  stays.agent.status = "busy";
  one.board.changed(stays.agent);
  one.join("last");
  expect(subscriber?.line.takeTypes()).toEqual([]);
  clock.advance(50);
  expect(subscriber?.line.takeTypes()).toEqual(["agent_joined", "agent_joined", "agent_left"]);
  expect(bystander?.line.takeTypes()).toEqual([]);
});

test("the reference tells everybody of everything, whatever the number", () => {
  const { one } = hub("every-event");
  const crowd = Array.from({ length: 100 }, (_, n) => one.join(`a${n}`));
  expect(crowd.map(({ line }) => line.takeTypes().length)).toEqual(Array.from({ length: 100 }, (_, n) => 99 - n));
});

test("agents of all nodes are known on all nodes", () => {
  const { one, two } = hub("digest", 2);
  const a = one.join("a");
  const b = two.join("b");
  expect(one.online()).toEqual(["a", "b"]);
  expect(two.online()).toEqual(["a", "b"]);
  expect(a.line.takeTypes()).toEqual(["agent_joined"]);
  two.leave(b.agent);
  expect(one.online()).toEqual(["a"]);
  expect(a.line.takeTypes()).toEqual(["agent_left"]);
});

test("a connection to another node takes over, also when that node's clock is behind", () => {
  const { one, two } = hub("digest", 2);
  const before = one.join("a");
  const after = two.join("a");
  expect(after.agent.connectedAt).toBeGreaterThan(before.agent.connectedAt);
  expect(before.line.closedWith).toBe(4001);
  expect(one.roster.get("a")).toBeUndefined();
  // The old node's farewell is late: it must not take the new connection with it.
  one.board.left(before.agent);
  expect(one.online()).toEqual(["a"]);
  expect(two.online()).toEqual(["a"]);
});

test("the agents of a node that falls silent are gone", () => {
  const { bus, one, two } = hub("digest", 2);
  const a = one.join("a");
  two.join("b");
  a.line.takeTypes();
  two.beat(10_000);
  bus.delete(two);
  one.beat(30_000);
  expect(one.online()).toEqual(["a", "b"]);
  one.beat(10_000);
  expect(one.online()).toEqual(["a"]);
  expect(a.line.takeTypes()).toEqual(["agent_left"]);
});

test("a node that missed the others' news asks for them", () => {
  const { bus, one, two } = hub("digest", 2);
  bus.delete(one);
  two.join("b");
  bus.add(one);
  expect(one.online()).toEqual([]);
  two.beat(10_000);
  expect(one.online()).toEqual(["b"]);
});

test("a state that changed on one node reaches the other with the next beat, and bothers no agent", () => {
  const { one, two } = hub("digest", 2);
  const a = one.join("a");
  const b = two.join("b");
  a.line.takeTypes();
  b.line.takeTypes();
  one.roster.resumed(a.agent, "t1");
  one.beat(10_000);
  expect([...two.board.entries()].find(({ agent_id }) => agent_id === "a")?.fsm_state).toBe("working");
  expect(b.line.takeTypes()).toEqual([]);
});

test.each(["agent_left", "agent_joined", "agent_changed"])(
  "one lost %s heals with the next beat, and traffic is as before",
  (lost) => {
    const { said, nodes, one, two } = hub("digest", 3);
    const crowd = Array.from({ length: 30 }, (_, n) => (nodes[n % 3] as Node).join(`a${n}`));
    const gone = crowd[0]?.agent as ConnectedAgent;
    const beats = () => {
      said.length = 0;
      for (const node of nodes) node.beat(3_333);
      return [...said].sort();
    };
    expect(beats()).toEqual(["node_here", "node_here", "node_here"]);
    one.isCutOff = true;
    if (lost === "agent_left") one.leave(gone);
    else if (lost === "agent_joined") one.join("new");
    else {
      gone.status = "busy";
      one.board.changed(gone);
    }
    one.isCutOff = false;
    const entries = (node: Node) => [...node.board.entries()].sort((a, b) => (a.agent_id < b.agent_id ? -1 : 1));
    expect(entries(two)).not.toEqual(entries(one));
    const told = crowd[1]?.line;
    told?.takeTypes();
    // Both of the others ask, and one answer is enough for them.
    expect(beats().filter((type) => type !== "node_here")).toEqual(["presence_snapshot", "snapshot_wanted"]);
    for (const node of nodes) expect(entries(node)).toEqual(entries(one));
    expect(told?.takeTypes()).toEqual([lost === "agent_changed" ? "status_changed" : lost]);
    expect(beats()).toEqual(["node_here", "node_here", "node_here"]);
  },
);

test("a node that starts knows the others' agents within a moment, and comes back under its name with nobody", () => {
  const { clock, bus, nodes, one, two } = hub("digest", 3);
  for (const [n, node] of nodes.entries()) for (let m = 0; m < 3; m++) node.join(`a${n} ${m}`);
  bus.delete(two);
  const again = new Node("n1", clock, "digest", bus);
  again.board.open();
  expect(one.online()).toHaveLength(6);
  clock.advance(100);
  expect(again.online()).toEqual(one.online());
});

test("an agent that two nodes took in at one moment stays with one of them", () => {
  const { one, two } = hub("digest", 2);
  one.isCutOff = true;
  const first = one.join("a");
  const second = two.join("a");
  one.isCutOff = false;
  one.beat(10_000);
  two.beat(0);
  expect([first.line.closedWith, second.line.closedWith].filter((code) => code === 4001)).toHaveLength(1);
  expect(one.online()).toEqual(["a"]);
  expect(two.online()).toEqual(["a"]);
});

test("an agent that was sent away and is back elsewhere is heard on its old connection no more", () => {
  const { one, two } = hub("digest", 2);
  const { agent, line } = one.join("a");
  // Its connection is being closed.
  one.board.left(agent);
  expect(two.online()).toEqual([]);
  two.join("a");
  expect(one.roster.isPresent(agent)).toBe(false);
  expect(line.closedWith).toBe(4001);
});

test("events of an earlier version are passed over", () => {
  const { one } = hub("digest", 1);
  one.join("a");
  const agent = { ...lineAgent("b", 1).agent.entry("idle") };
  one.board.receive({ type: "agent_joined", node: "old", agent });
  one.board.receive({ type: "node_here", node: "old", agents: 7 } as BusEvent);
  one.board.receive({ type: "unheard of", node: "old" } as unknown as BusEvent);
  expect(one.online()).toEqual(["a", "b"]);
});
