import { parseRoutingClass } from "@hubscale/hub-core";
import { describe, expect, it } from "vitest";
import { Backlog, FIRST_RANK, rankOf } from "./backlog.ts";

const queueOf = (name: string) => ({ name, routingClass: parseRoutingClass(name) });
const plain = queueOf("standard//");
const otherPlain = queueOf("trivial//");
const gpu = queueOf("standard/gpu/");
const forAda = queueOf("standard//ada");

const agent = (agentId: string, capabilities: string[] = []) => ({ agentId, capabilities, ollamaHost: null });
const rank = (priority: 0 | 1 | 2 | 3, created_at = 0) => rankOf({ priority, created_at });

describe("rankOf", () => {
  it("orders by priority, then age", () => {
    const ordered = [rank(0, 9), rank(0, 10), rank(1, 1), rank(3, 0), rank(3, 5_000_000_000_000 - 1)];
    expect([...ordered].sort((a, b) => a - b)).toEqual(ordered);
    expect(FIRST_RANK).toBeLessThanOrEqual(rank(0, 0));
  });
});

describe("a backlog", () => {
  it("sends agents only where something is believed to wait that they can do", () => {
    const backlog = new Backlog<typeof plain>();
    expect(backlog.next(agent("ada"))).toBeUndefined();
    backlog.note(gpu, [rank(2)]);
    backlog.note(forAda, [rank(2)]);
    expect(backlog.next(agent("bob"))).toBeUndefined();
    expect(backlog.next(agent("bob", ["gpu"]))).toBe(gpu);
    expect(backlog.next(agent("ada"))).toBe(forAda);
  });

  it("counts looks against what was noted", () => {
    const backlog = new Backlog<typeof plain>();
    backlog.note(plain, [rank(2, 1), rank(2, 2)]);
    backlog.look(plain);
    expect(backlog.estimateOf(plain)).toBe(1);
    backlog.look(plain);
    expect(backlog.next(agent("ada"))).toBeUndefined();
  });

  it("goes where the foremost task is known to stand, also after others were taken", () => {
    const backlog = new Backlog<typeof plain>();
    backlog.note(plain, [rank(2, 10), rank(2, 30)]);
    backlog.note(otherPlain, [rank(2, 20)]);
    const ada = agent("ada");
    const order = [];
    for (let queue = backlog.next(ada); queue; queue = backlog.next(ada)) {
      order.push(queue.name);
      backlog.look(queue);
    }
    expect(order).toEqual([plain.name, otherPlain.name, plain.name]);
  });

  it("lets an urgent task that was noted late come first", () => {
    const backlog = new Backlog<typeof plain>();
    backlog.note(plain, [rank(2, 10)]);
    backlog.note(otherPlain, [rank(2, 20)]);
    backlog.note(otherPlain, [rank(0, 30)]);
    expect(backlog.next(agent("ada"))).toBe(otherPlain);
  });

  it("forgets what others have taken when it finds a later task", () => {
    const backlog = new Backlog<typeof plain>();
    backlog.note(plain, [rank(2, 10), rank(2, 20), rank(2, 50)]);
    backlog.note(otherPlain, [rank(2, 40)]);
    backlog.found(backlog.look(plain), rank(2, 30));
    expect(backlog.next(agent("ada"))).toBe(otherPlain);
  });

  it("believes an empty queue, but not over what was noted since the look", () => {
    const backlog = new Backlog<typeof plain>();
    backlog.note(plain, [rank(2), rank(2), rank(2)]);
    const look = backlog.look(plain);
    backlog.note(plain, [rank(2)]);
    backlog.missed(look);
    expect(backlog.estimateOf(plain)).toBe(1);
    backlog.missed(backlog.look(plain));
    expect(backlog.estimateOf(plain)).toBe(0);
    expect(backlog.next(agent("ada"))).toBeUndefined();
  });

  it("takes a count for the truth", () => {
    const backlog = new Backlog<typeof plain>();
    backlog.note(plain, [rank(2)]);
    backlog.correct(plain, { count: 0, firstRank: FIRST_RANK });
    expect(backlog.next(agent("ada"))).toBeUndefined();
    backlog.correct(plain, { count: 1_000_000, firstRank: rank(1) });
    expect(backlog.estimateOf(plain)).toBe(1_000_000);
    backlog.note(otherPlain, [rank(0)]);
    expect(backlog.next(agent("ada"))).toBe(otherPlain);
  });

  it("remembers a bounded number of ranks, the foremost, and still counts all", () => {
    const backlog = new Backlog<typeof plain>();
    backlog.note(
      plain,
      Array.from({ length: 10_000 }, (_, index) => rank(2, 10_000 - index)),
    );
    backlog.note(otherPlain, [rank(2, 3)]);
    expect(backlog.estimateOf(plain)).toBe(10_000);
    expect(backlog.next(agent("ada"))).toBe(plain);
    backlog.look(plain);
    backlog.look(plain);
    expect(backlog.next(agent("ada"))).toBe(otherPlain);
  });
});
