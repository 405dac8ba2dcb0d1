import { Refused, Unavailable } from "@hubscale/hub-runtime";
import { describe, expect, it } from "vitest";
import { EngineErrors } from "./engine-errors.ts";

function recorded() {
  const lines: string[] = [];
  return { lines, errors: new EngineErrors((line) => lines.push(line)) };
}

describe("what NATS says no with", () => {
  it.each([
    [400, 10_002, "resource limits exceeded for account"],
    [503, 10_008, "JetStream system temporarily unavailable"],
    [500, 10_009, "not leader"],
    [400, 10_013, "consumer name already in use"],
    [503, 10_023, "insufficient resources"],
    [400, 10_026, "maximum consumers limit reached"],
    [500, 10_047, "insufficient storage resources available"],
    [404, 10_059, "stream not found"],
    [503, 10_076, "JetStream not enabled"],
    [503, 10_077, "maximum messages exceeded"],
    [500, 10_999, "something that nobody has heard of"],
  ])("with %i/%i is unavailable, whatever it is, and told once", (code, errCode, description) => {
    const { errors, lines } = recorded();
    const found = [1, 2].map(() => errors.ofApi("a.subject", { code, err_code: errCode, description }));
    expect(found.every((error) => error instanceof Unavailable)).toBe(true);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`${description} (${errCode})`);
  });

  it("is a refusal where the message is larger than its stream takes", () => {
    const error = { code: 400, err_code: 10_054, description: "message size exceeds maximum allowed" };
    expect(recorded().errors.ofApi("a.subject", error, 20_000)).toEqual(
      new Refused("payload_too_large", "a.subject: the stream takes 20000 bytes at most", 20_000),
    );
  });

  it("counts headers, and characters by their bytes", () => {
    const { errors } = recorded();
    const sizeOf = (payload: string, maxPayloadBytes: number, subject = "a.subject") =>
      errors.ofSize(subject, "a.reply", payload, { headers: undefined, maxPayloadBytes });
    expect(sizeOf("x".repeat(1_000), 1_000)).toBeUndefined();
    expect(sizeOf("x".repeat(1_001), 1_000)).toMatchObject({ limitBytes: 1_000 });
    expect(sizeOf("€".repeat(333), 1_000)).toBeUndefined();
    expect(sizeOf("€".repeat(334), 1_000)).toBeInstanceOf(Refused);
    const headers = { toString: () => "NATS/1.0\r\nA: b\r\n\r\n" } as never;
    expect(errors.ofSize("a", "b", "x".repeat(990), { headers, maxPayloadBytes: 1_000 })).toBeInstanceOf(Refused);
    expect(sizeOf("", 1_000, "s".repeat(4_000))).toBeUndefined();
    expect(sizeOf("", 1_000, "s".repeat(4_096))).toMatchObject({ limitBytes: 4_096 });
    expect(sizeOf("", 1_000, "€".repeat(1_400))).toMatchObject({ limitBytes: 4_096 });
  });
});
