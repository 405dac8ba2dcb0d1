/** Who is connected, as two nodes know it over a real bus of which one misses a part. */
import { type Backplane, type BusEvent, systemClock, systemRandomHex } from "@hubscale/hub-runtime";
import { lineAgent, LocalRoster, PresenceBoard } from "@hubscale/hub-runtime/testing";
import { openShardedNode, type ShardedNode } from "@hubscale/hub-sharded";
import { afterEach, describe, expect, it } from "vitest";
import { until } from "./desk-node.ts";
import { natsForTests } from "./start-nats.ts";
import { redisForTests } from "./start-redis.ts";

const behaviour = { warts: false, presence: "digest" } as const;
const ignore = () => undefined;

/** A node's presence, without its sockets. */
class PresenceNode {
  readonly roster: LocalRoster;
  readonly board: PresenceBoard;
  /** What has come over the bus, this node's own events too. */
  readonly heard: BusEvent[] = [];
  /** What it does not hear of. */
  misses: (event: BusEvent) => boolean = () => false;
  readonly #backplane: Backplane;

  private constructor(node: string, backplane: Backplane) {
    this.#backplane = backplane;
    this.roster = new LocalRoster({
      clock: systemClock,
      behaviour,
      notify: ignore,
      reclaim: async () => true,
      onAssigned: ignore,
    });
    const publish = (event: BusEvent) => backplane.publish(event);
    this.board = new PresenceBoard({ node, clock: systemClock, behaviour, roster: this.roster, publish });
  }

  static async open(node: string, backplane: Backplane): Promise<PresenceNode> {
    const opened = new PresenceNode(node, backplane);
    await backplane.subscribe((event) => {
      if (opened.misses(event)) return;
      opened.heard.push(event);
      opened.board.receive(event);
    });
    return opened;
  }

  join(agentId: string) {
    const { agent, line } = lineAgent(agentId, this.board.connectedAt(agentId));
    this.roster.join(agent);
    this.board.joined(agent);
    return { agent, line, leave: () => this.roster.leave(agent) && this.board.left(agent) };
  }

  online(): string[] {
    return [...this.board.entries()].map(({ agent_id }) => agent_id).sort();
  }

  /** Of the events since the last call, once this node's own last word has come back to it: nothing of before is on its way then. */
  async typesSince(): Promise<string[]> {
    const marker = { type: "host_resources", host: systemRandomHex(4), resources: {}, atMs: 0 } as BusEvent;
    this.#backplane.publish(marker);
    const isMarker = (event: BusEvent) => "host" in event && "host" in marker && event.host === marker.host;
    await until("its own word", () => this.heard.some(isMarker));
    return this.heard.splice(0).flatMap(({ type }) => (type === "host_resources" ? [] : [type]));
  }
}

const engines = { redis: redisForTests("process"), nats: natsForTests("process") };
describe.each(["redis", "nats"] as const)("over %s,", (engine) => {
  const opened: ShardedNode[] = [];

  afterEach(async () => {
    for (const node of opened.splice(0)) {
      await node.backplane.close();
      node.close();
    }
  });

  async function twoNodes(): Promise<[PresenceNode, PresenceNode]> {
    const namespace = `test-${systemRandomHex(4)}`;
    const open = async (node: string) => {
      const shared = await openShardedNode({
        node,
        namespace,
        backbone: engines[engine].backbone,
        shards: 4,
        keepCompleted: 100,
        leaseMs: 30_000,
        durability: "process",
        seedCompletedRows: 0,
        clock: systemClock,
        randomHex: systemRandomHex,
        onFault: (error) => expect.fail(String(error)),
        log: ignore,
      });
      opened.push(shared);
      return PresenceNode.open(node, shared.backplane);
    };
    return [await open("one"), await open("two")];
  }

  it("a node that missed a thousand leaves knows of them after a beat, and nothing is said of it any more", async () => {
    const [one, two] = await twoNodes();
    const crowd = Array.from({ length: 3_500 }, (_, n) => one.join(`agent-${n}`));
    await until("all to be known", () => two.online().length === crowd.length);
    two.misses = (event) => event.type === "agent_left";
    for (const { leave } of crowd.slice(0, 1_000)) leave();
    // Its own words come back: by then the other node has missed them.
    await until("the last leave", () => one.heard.filter(({ type }) => type === "agent_left").length === 1_000);
    expect(two.online()).toHaveLength(3_500);
    two.misses = () => false;
    one.heard.length = 0;
    one.board.beat();
    await until("the beat to have been answered", () => two.online().length === 2_500);
    expect(two.online()).toEqual(one.online());
    const healing = await one.typesSince();
    expect(new Set(healing)).toEqual(new Set(["node_here", "snapshot_wanted", "presence_snapshot"]));
    // In parts that the bus carries.
    expect(healing.filter((type) => type === "presence_snapshot").length).toBeGreaterThan(1);
    one.board.beat();
    two.board.beat();
    await until("both beats", () => one.heard.filter(({ type }) => type === "node_here").length === 2);
    await two.typesSince();
    expect(await one.typesSince()).toEqual(["node_here", "node_here"]);
  });

  it("an agent that moved while the nodes did not hear each other is with the node that it moved to", async () => {
    const [one, two] = await twoNodes();
    const before = one.join("a");
    await until("it to be known", () => two.online().length === 1);
    one.misses = () => true;
    const after = two.join("a");
    const witness = two.join("b");
    witness.leave();
    await until("its join", () => two.heard.some(({ type }) => type === "agent_left"));
    expect(before.line.closedWith).toBeUndefined();
    one.misses = () => false;
    two.board.beat();
    await until("the takeover", () => before.line.closedWith === 4001);
    expect(after.line.closedWith).toBeUndefined();
    expect(one.roster.get("a")).toBeUndefined();
    expect([one.online(), two.online()]).toEqual([["a"], ["a"]]);
  });
});
