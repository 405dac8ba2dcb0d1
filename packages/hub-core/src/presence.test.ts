import type { AgentEntry } from "@hubscale/protocol";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Presence } from "./presence.ts";

const entry = (agent_id: string, status = "idle", connected_at = 1): AgentEntry => ({
  agent_id,
  name: agent_id,
  status,
  capabilities: ["code"],
  connected_at,
});

/** A presence whose readers already know of these agents. */
function told(...agents: AgentEntry[]): Presence {
  const presence = new Presence();
  for (const agent of agents) presence.put(agent);
  presence.takeDigest();
  return presence;
}

describe("digest", () => {
  it("has nothing to say where nothing happened", () => {
    expect(new Presence().takeDigest()).toBeUndefined();
    expect(told(entry("a")).takeDigest()).toBeUndefined();
  });

  it("says a join once, with the last that is known", () => {
    const presence = told();
    presence.put(entry("a"));
    presence.put(entry("a", "busy"));
    expect(presence.takeDigest()).toEqual({ joined: [entry("a", "busy")], changed: [], left: [] });
    expect(presence.takeDigest()).toBeUndefined();
  });

  it("is silent on an agent that came and went, and on a status that went and came back", () => {
    const presence = told(entry("b"));
    presence.put(entry("a"));
    presence.remove("a");
    presence.put(entry("b", "busy"));
    presence.put(entry("b"));
    expect(presence.takeDigest()).toBeUndefined();
  });

  it("tells an agent that left from one that came back", () => {
    const presence = told(entry("a"), entry("b"), entry("c"));
    presence.remove("a");
    presence.remove("b");
    presence.put(entry("b", "idle", 2));
    presence.put(entry("c", "busy"));
    expect(presence.takeDigest()).toEqual({ joined: [], changed: [entry("b", "idle", 2), entry("c", "busy")], left: ["a"] });
  });

  it("knows who is there, in order of joining", () => {
    const presence = told(entry("b"), entry("a"));
    expect(presence.remove("nobody")).toBe(false);
    expect([...presence.agents()].map((agent) => agent.agent_id)).toEqual(["b", "a"]);
    expect(presence.get("a")).toEqual(entry("a"));
    expect(presence.size).toBe(2);
  });

  it("brings any reader up to date, in as few words as there are net changes", () => {
    const id = fc.constantFrom("a", "b", "c", "d");
    const event = fc.oneof(
      fc.record({ put: id, status: fc.constantFrom("idle", "busy") }),
      fc.record({ remove: id }),
      fc.constant("digest" as const),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const presence = new Presence();
        const reader = new Map<string, AgentEntry>();
        for (const each of [...events, "digest" as const]) {
          if (each !== "digest") {
            if ("put" in each) presence.put(entry(each.put, each.status));
            else presence.remove(each.remove);
            continue;
          }
          const digest = presence.takeDigest();
          for (const agent of digest?.joined ?? []) {
            expect(reader.has(agent.agent_id)).toBe(false);
            reader.set(agent.agent_id, agent);
          }
          for (const agent of digest?.changed ?? []) {
            expect(reader.get(agent.agent_id)).toBeDefined();
            expect(reader.get(agent.agent_id)).not.toEqual(agent);
            reader.set(agent.agent_id, agent);
          }
          for (const agentId of digest?.left ?? []) expect(reader.delete(agentId)).toBe(true);
          expect(reader).toEqual(new Map([...presence.agents()].map((agent) => [agent.agent_id, agent])));
        }
      }),
    );
  });
});
