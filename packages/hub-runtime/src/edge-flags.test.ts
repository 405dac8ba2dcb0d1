import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EDGE_FLAGS, edgeFlagsOf, registrationPolicyOf } from "./edge-flags.ts";

const parse = (...args: string[]) => edgeFlagsOf(parseArgs({ args, options: EDGE_FLAGS }).values);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "edge-flags-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

test("by default everybody may register, link-local endpoints are not polled, and no proxy, name or site is trusted", () => {
  expect(parse()).toMatchObject({
    maxConnections: undefined,
    allowLinkLocalEndpoints: false,
    publicUrl: undefined,
    allowedHosts: [],
    allowedOrigins: [],
    trustedProxies: [],
  });
  expect(registrationPolicyOf(parse())).toEqual({ mode: "open" });
});

test("lists are separated by commas", () => {
  const { allowedHosts, allowedOrigins, trustedProxies } = parse(
    "--allowed-host=Hub.example, gpu-1",
    "--allowed-origin=https://Board.example/,http://127.0.0.1:8080",
    "--trusted-proxy=10.0.0.0/8,fd00::/8,192.168.1.1",
  );
  expect(allowedHosts).toEqual(["hub.example", "gpu-1"]);
  expect(allowedOrigins).toEqual(["https://board.example", "http://127.0.0.1:8080"]);
  expect(trustedProxies).toEqual(["10.0.0.0/8", "fd00::/8", "192.168.1.1"]);
});

test("the registration token is the file's content without the line's end", async () => {
  const token = "a1".repeat(16);
  const path = await file("good", `${token}\n`);
  const flags = parse("--registration", "token", "--registration-token-file", path);
  expect(registrationPolicyOf(flags)).toEqual({ mode: "token", token });
});

test.each([
  ["empty", ""],
  ["short", "secret\n"],
  ["binary", `${"a1".repeat(16)}\0`],
  ["several", `${"a1".repeat(16)} ${"b2".repeat(16)}`],
])("a token file that is %s is refused, without telling its content", async (name, content) => {
  const flags = parse("--registration", "token", "--registration-token-file", await file(name, content));
  expect(() => registrationPolicyOf(flags)).toThrow("must hold one token of at least 32 characters");
});

test("a token file that is not there is refused", async () => {
  const flags = parse("--registration", "token", "--registration-token-file", join(folder, "missing"));
  expect(() => registrationPolicyOf(flags)).toThrow("cannot be read");
});

describe("flags that are refused", () => {
  test.each([
    [["--registration", "maybe"], "must be open, token or closed"],
    [["--registration", "token"], "needs --registration-token-file"],
    [["--registration-token-file", "x"], "goes with --registration token"],
    [["--registration", "closed", "--registration-token-file", "x"], "goes with --registration token"],
    [["--max-connections", "0"], "--max-connections"],
    [["--max-connections", "many"], "--max-connections"],
    [["--max-connections", ""], "--max-connections"],
    [["--public-url", "hub.example"], "--public-url must be http://host:port"],
    [
      ["--allowed-host", "http://a"],
      '--allowed-host must be a host name, like hub.example, or several separated by commas, not "http://a"',
    ],
    [["--allowed-host", "a,,b"], "--allowed-host"],
    [["--allowed-host", "a:80"], "--allowed-host"],
    [["--allowed-origin", "board.example"], "--allowed-origin"],
    [["--allowed-origin", "https://a/path"], "--allowed-origin"],
    [["--allowed-origin", "*"], "--allowed-origin"],
    [["--trusted-proxy", "balancer"], "--trusted-proxy"],
    [["--trusted-proxy", "10.0.0.0/40"], "--trusted-proxy"],
  ])("%j", (args, message) => {
    expect(() => parse(...args)).toThrow(message);
  });
});
