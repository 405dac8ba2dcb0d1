import { describe, expect, test } from "vitest";
import { connectionLimits, limitsInWords } from "./connection-limits.ts";

const room = (limit: number) => ({ limit, open: 24 });

describe("how many connections a hub takes", () => {
  test.each([
    ["as ever under the limit that is usual in containers", undefined, room(20_000), { webSockets: 18_000, http: 1_000 }],
    ["no more where there are more files", undefined, room(1_048_576), { webSockets: 18_000, http: 1_000 }],
    ["what is left, a quarter of it for HTTP", undefined, room(300), { webSockets: 111, http: 37 }],
    ["what was asked for, and the rest for HTTP", 20, room(300), { webSockets: 20, http: 128 }],
    [
      "what was asked for where the system does not say",
      20_000,
      { limit: undefined, open: undefined },
      { webSockets: 20_000, http: 1_000 },
    ],
    [
      "18,000 where nobody says anything",
      undefined,
      { limit: undefined, open: undefined },
      { webSockets: 18_000, http: 1_000 },
    ],
  ])("%s", (_, wanted, files, limits) => {
    expect(connectionLimits(wanted, files)).toEqual(limits);
  });

  test.each([30, 200, 1_023, 20_000])("with %i connections asked for, the limit that the refusal names is enough", (wanted) => {
    const refusal = (limit: number) => {
      try {
        connectionLimits(wanted, room(limit));
        return "none";
      } catch (error) {
        return (error as Error).message;
      }
    };
    const needed = Number(/raise the limit to (\d+)/.exec(refusal(160))?.[1]);
    expect(refusal(needed)).toBe("none");
    expect(refusal(needed - 1)).toContain(
      `--max-connections ${wanted} does not fit: the system allows ${needed - 1} open files`,
    );
  });

  test("none where there is no room for a hub, with the limit that is enough", () => {
    const needed = Number(/raise the limit to (\d+)/.exec(thrownBy(() => connectionLimits(undefined, room(100))))?.[1]);
    expect(connectionLimits(undefined, room(needed))).toEqual({ webSockets: 3, http: 1 });
    expect(thrownBy(() => connectionLimits(undefined, room(needed - 1)))).toContain("no room for clients");
  });

  test("said in words", () => {
    expect(limitsInWords({ webSockets: 111, http: 37 }, room(300))).toBe(
      "takes 111 WebSocket connections and 37 HTTP connections beside them at a time: 300 open files are allowed (ulimit -n), 24 are open, 128 are kept for the store and the hub's own connections",
    );
  });
});

function thrownBy(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("nothing was thrown");
}
