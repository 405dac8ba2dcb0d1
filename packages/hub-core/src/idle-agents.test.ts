import { describe, expect, it } from "vitest";
import { IdleAgents } from "./idle-agents.ts";

const agent = (agentId: string, capabilities: string[], ollamaHost: string | null = null) => ({
  agentId,
  capabilities,
  ollamaHost,
});
const idleOf = (...agents: ReturnType<typeof agent>[]) => {
  const idle = new IdleAgents();
  for (const each of agents) idle.add(each);
  return idle;
};

describe("idle agents", () => {
  it("gives the longest idle that qualifies, of any capability set", () => {
    const idle = idleOf(agent("a", []), agent("b", ["gpu", "code"]), agent("c", ["code"]), agent("d", ["code", "gpu"]));
    expect(idle.best("standard//", null)?.agentId).toBe("a");
    expect(idle.best("standard/code/", null)?.agentId).toBe("b");
    expect(idle.best("standard/code_gpu/", null)?.agentId).toBe("b");
    expect(idle.best("standard/web/", null)).toBeUndefined();
    idle.remove("b");
    expect(idle.best("standard/code/", null)?.agentId).toBe("c");
    expect(idle.best("standard/code_gpu/", null)?.agentId).toBe("d");
  });

  it("prefers the given host, and does without where nobody is there", () => {
    const idle = idleOf(agent("a", []), agent("b", [], "gpu-1"), agent("c", ["code"], "gpu-1"), agent("d", ["code"], "gpu-2"));
    expect(idle.best("standard//", "gpu-1")?.agentId).toBe("b");
    expect(idle.best("standard/code/", "gpu-1")?.agentId).toBe("c");
    expect(idle.best("standard/code/", "gpu-2")?.agentId).toBe("d");
    expect(idle.best("standard//", "gpu-9")?.agentId).toBe("a");
    idle.remove("b");
    expect(idle.best("standard//", "gpu-1")?.agentId).toBe("c");
  });

  it("gives a named agent only if it is idle and can do it", () => {
    const idle = idleOf(agent("a", ["code"]), agent("b", []));
    expect(idle.best("standard//b", null)?.agentId).toBe("b");
    expect(idle.best("standard/code/b", null)).toBeUndefined();
    expect(idle.best("standard//c", null)).toBeUndefined();
  });

  it("puts an agent that returns at the end of the line", () => {
    const idle = idleOf(agent("a", []), agent("b", []));
    expect(idle.remove("a")).toBe(true);
    expect(idle.remove("a")).toBe(false);
    idle.add(agent("a", []));
    expect(idle.best("standard//", null)?.agentId).toBe("b");
    expect(idle.size).toBe(2);
    expect(idle.has("a")).toBe(true);
    expect(() => idle.add(agent("a", ["code"]))).toThrow("already idle");
  });
});
