import { expect, test } from "vitest";
import { parseSimFlags } from "./sim-flags.ts";

const settingsOf = (...args: string[]) => {
  const flags = parseSimFlags(args);
  if (!flags.ok || "help" in flags) throw new Error("not settings");
  return flags.settings;
};

test("the HTTP address follows from the WebSocket's, and a bare host gets the contract's path", () => {
  expect(settingsOf("--hub", "ws://127.0.0.1:4000")).toMatchObject({
    ws: ["ws://127.0.0.1:4000/ws"],
    http: ["http://127.0.0.1:4000"],
    durationMs: null,
    prefix: undefined,
  });
});

test("several nodes, a distribution and a token file", () => {
  const settings = settingsOf(
    "--hub",
    "ws://a/ws",
    "--hub",
    "ws://b/ws",
    "--http",
    "http://c:1",
    "--work-ms",
    "exp:20",
    "--token-file",
    "t.json",
    "--duration-s",
    "2",
  );
  expect(settings).toMatchObject({
    ws: ["ws://a/ws", "ws://b/ws"],
    http: ["http://c:1"],
    workTime: { kind: "exponential", meanMs: 20 },
    prefix: "sim",
    durationMs: 2_000,
  });
});

test.each([
  [[], "--hub is missing"],
  [["--hub", "http://x"], "--hub: 'http://x'"],
  [["--hub", "ws://x", "--http", "ws://x"], "--http: 'ws://x'"],
  [["--hub", "ws://x", "--agents", "0"], "--agents: '0'"],
  [["--hub", "ws://x", "--agents", "1.5"], "--agents: '1.5'"],
  [["--hub", "ws://x", "--rate", "-1"], "--rate"],
  [["--hub", "ws://x", "--rate", ""], "--rate"],
  [["--hub", "ws://x", "--fail-share", "2"], "--fail-share"],
  [["--hub", "ws://x", "--work-ms", "soon"], "--work-ms"],
  [["--hub", "ws://x", "--work-ms", "3000000000"], "with up to 86400000 ms"],
  [["--hub", "ws://x", "--prefix", "a b"], "--prefix"],
  [["--hub", "ws://x", "--nonsense"], "--nonsense"],
  [["--hub", "ws://x", "extra"], "extra"],
])("%j is refused by the name of the flag", (args, named) => {
  const flags = parseSimFlags(args);
  expect(flags).toMatchObject({ ok: false, problem: expect.stringContaining(named) });
});

test("one process means none beside this one; more need agents for each", () => {
  const hub = ["--hub", "ws://127.0.0.1:4000"];
  expect(settingsOf(...hub)).toMatchObject({ processes: 0, jitter: false });
  expect(settingsOf(...hub, "--processes", "1")).toMatchObject({ processes: 0 });
  expect(settingsOf(...hub, "--processes", "3", "--jitter")).toMatchObject({ processes: 3, jitter: true });
  expect(parseSimFlags([...hub, "--agents", "2", "--processes", "3"])).toMatchObject({
    ok: false,
    problem: expect.stringContaining("--processes"),
  });
  expect(parseSimFlags([...hub, "--processes", "0"])).toMatchObject({ ok: false });
});
