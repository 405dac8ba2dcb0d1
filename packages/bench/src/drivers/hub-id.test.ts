import { describe, expect, it } from "vitest";
import { formatHubId, parseHubId } from "./hub-id.ts";

const problemOf = (id: string) => {
  const parsed = parseHubId(id);
  return parsed.ok ? "none" : parsed.problem;
};

const canonical = (id: string) => {
  const parsed = parseHubId(id);
  return parsed.ok ? formatHubId(parsed.spec) : parsed.problem;
};

describe("parseHubId", () => {
  it.each([
    ["single-reference", { kind: "single", profile: "reference", fixes: [] }],
    ["single-tuned", { kind: "single", profile: "tuned", fixes: [] }],
    ["single-reference+C1+C3", { kind: "single", profile: "reference", fixes: ["C1", "C3"] }],
    ["sharded-redis@4", { kind: "sharded", backbone: "redis", nodes: 4, servers: 1 }],
    ["sharded-redis@4x2", { kind: "sharded", backbone: "redis", nodes: 4, servers: 2 }],
    ["sharded-nats@2", { kind: "sharded", backbone: "nats", nodes: 2, servers: 1 }],
    ["sharded-nats@2x3", { kind: "sharded", backbone: "nats", nodes: 2, servers: 3 }],
    ["external", { kind: "external" }],
    ["null", { kind: "null" }],
  ])("reads %s, and writes it the same", (id, spec) => {
    expect(parseHubId(id)).toEqual({ ok: true, spec });
    expect(canonical(id)).toBe(id);
  });

  it("names each fix once, in order", () => {
    expect(canonical("single-reference+C10+C2+C10")).toBe("single-reference+C2+C10");
  });

  it.each(["C0", "C12", "c1", "", "X", "C01"])("refuses the fix '%s'", (fix) => {
    expect(problemOf(`single-reference+${fix}`)).toContain("C1 to C11");
  });

  it("refuses fixes on the tuned hub", () => {
    expect(problemOf("single-tuned+C1")).toContain("every fix already");
  });

  it.each(["0", "65", "-1", "2.5", "two", "", "1e1"])("refuses '%s' nodes", (count) => {
    expect(problemOf(`sharded-redis@${count}`)).toContain("from 1 to 64");
  });

  it.each(["0", "17", "two", "", "-1"])("refuses '%s' backbone servers", (count) => {
    expect(problemOf(`sharded-redis@2x${count}`)).toMatch(/from 1 to (16|64)/);
  });

  it("writes one backbone server as none", () => {
    expect(canonical("sharded-redis@3x1")).toBe("sharded-redis@3");
  });

  it("asks for the number of nodes", () => {
    expect(problemOf("sharded-nats")).toContain("sharded-nats@2");
  });

  it.each([
    ["single-tunde", "did you mean single-tuned?"],
    ["singel-reference", "did you mean single-reference?"],
    ["sharded-reddis@2", "did you mean sharded-redis@2?"],
    ["nul", "did you mean null?"],
  ])("suggests what %s may have meant", (id, suggestion) => {
    expect(problemOf(id)).toContain(suggestion);
  });

  it("suggests nothing for something else altogether, and lists the forms", () => {
    const problem = problemOf("kubernetes-operator");
    expect(problem).not.toContain("did you mean");
    expect(problem).toContain("valid forms: single-reference, single-tuned");
  });
});
