import type { Task } from "@hubscale/protocol";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRoutingClass, qualifiesForClass, routingClassOf } from "./routing-class.ts";
import { isQualified } from "./scheduling.ts";
import { draftOf } from "./task-draft.ts";

const classOf = (wanted: Partial<Pick<Task, "needed_capabilities" | "assign_to">>, tier: "trivial" | "unknown" = "trivial") =>
  routingClassOf({ ...draftOf({ description: "x", complexity_tier: tier }, "sub"), ...wanted });

/** Any text, also with what the class uses as separators, and with half a surrogate pair. */
const text = fc.oneof(
  fc.constantFrom("code", "gpu", "", "=", "_", "/", "=0041", "a/b", "\ud800"),
  fc.string({ unit: "binary" }),
);
const wanted = fc.record({ needed_capabilities: fc.array(text, { maxLength: 4 }), assign_to: fc.option(text) });

describe("routing class", () => {
  it("is tier, sorted capabilities and agent", () => {
    expect(classOf({ needed_capabilities: ["gpu", "code", "gpu"], assign_to: "agent-1" })).toBe("trivial/code_gpu/agent-1");
    expect(classOf({})).toBe("trivial//");
    expect(classOf({}, "unknown")).toBe("standard//");
    expect(classOf({ needed_capabilities: ["c++ 20"] })).toBe("trivial/c=002b=002b=002020/");
  });

  it("keeps to characters that keys and subjects of any backbone take, and can be read back", () => {
    fc.assert(
      fc.property(wanted, (task) => {
        const routingClass = classOf(task);
        expect(routingClass).toMatch(/^[A-Za-z0-9=_/-]+$/);
        expect(parseRoutingClass(routingClass)).toEqual({
          tier: "trivial",
          needed_capabilities: [...new Set(task.needed_capabilities)].sort(),
          assign_to: task.assign_to,
        });
      }),
    );
  });

  it("qualifies whom its tasks qualify", () => {
    const agent = fc.record({ agentId: text, capabilities: fc.array(text, { maxLength: 5 }), ollamaHost: fc.constant(null) });
    fc.assert(
      fc.property(wanted, agent, (task, agent) => {
        expect(qualifiesForClass(agent, classOf(task))).toBe(isQualified(agent, task));
      }),
    );
  });

  it.each(["", "trivial", "trivial/", "hard//", "trivial///"])('refuses to read "%s"', (text) => {
    expect(() => parseRoutingClass(text)).toThrow("not a routing class");
  });
});
