/** `pnpm stub …` as a user has it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";

const cli = fileURLToPath(new URL("../stub-cli.js", import.meta.resolve("hubscale/machine")));

const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
});

function stub(...args: string[]) {
  const child = spawn(process.execPath, [cli, ...args], { stdio: ["pipe", "pipe", "pipe"] });
  running.push(child);
  const ended = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  const log = text(child.stderr);
  const ready = async () => {
    const line = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
    if (line.done) throw new Error(`no ready line\n${await log}`);
    return JSON.parse(line.value) as { ready: boolean; http: [string]; pids: { stub: number[] } };
  };
  return { child, ended, log, ready };
}

describe("pnpm stub", () => {
  it("puts a site's line in front of a server, and counts what went through", async () => {
    const ollama = stub("ollama", "--time-scale", "100");
    const [served] = (await ollama.ready()).http;
    const line = stub("uplink", "--to", served, "--path", "mesh-v4", "--time-scale", "100");
    const [through] = (await line.ready()).http;
    const answer = await fetch(new URL("/api/version", through), { headers: { connection: "close" } });
    expect(await answer.json()).toHaveProperty("version");
    line.child.kill("SIGTERM");
    expect(await line.ended).toEqual([0, null]);
    const counted = JSON.parse((await line.log).replace(/^stub: /, ""));
    expect(counted).toMatchObject({ connections: 1 });
    expect(counted.up.wireBytes).toBeGreaterThanOrEqual(counted.up.payloadBytes + 52 + 60);
  });

  it.each([
    ["--to", "nowhere"],
    ["--to", "http://127.0.0.1:1", "--path", "pigeon"],
    ["--to", "http://127.0.0.1:1", "--up-mbit", "0"],
    [],
  ])("refuses an uplink with %s %s %s %s as usage", async (...args: string[]) => {
    const { ended, log } = stub("uplink", ...args);
    expect(await ended).toEqual([2, null]);
    expect(await log).toMatch(/http:\/\/|plain, mesh-v4|0\.001|--to/);
  });

  it("starts an Ollama on 127.0.0.1, says where, and ends with 0 at SIGTERM in the middle of an answer", async () => {
    const { child, ended, log, ready } = stub("ollama", "--gpu", "rtx3090", "--answer-tokens", "limit", "--time-scale", "50");
    const line = await ready();
    expect(line).toMatchObject({ ready: true, pids: { stub: [child.pid] } });
    const url = new URL(line.http[0]);
    expect(url.hostname).toBe("127.0.0.1");
    const body = JSON.stringify({ model: "llama3.1:8b", prompt: "a" });
    const answer = await fetch(new URL("/api/generate", url), { method: "POST", body });
    await answer.body?.getReader().read();
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
    expect(await log).toContain('"requests":1');
  });

  it("starts a Claude API that ends with its parent", async () => {
    const { child, ended, log, ready } = stub("claude", "--tier", "tier-1", "--exit-with-parent", "--time-scale", "100");
    const [url] = (await ready()).http;
    const response = await fetch(`${url}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": "stub", "anthropic-version": "2023-06-01" },
      body: JSON.stringify({ model: "claude-sonnet-5", max_tokens: 9, messages: [{ role: "user", content: "a" }] }),
    });
    expect(response.headers.get("anthropic-ratelimit-requests-limit")).toBe("50");
    expect(await response.json()).toMatchObject({ type: "message" });
    child.stdin?.end();
    expect(await ended).toEqual([0, null]);
    expect(await log).toContain('"answered":1');
  });

  it.each([
    [["ollama", "--gpu", "voodoo2"], "rtx4090"],
    [["ollama", "--models", "llama3.1:8b,nope"], "no model 'nope'"],
    [["ollama", "--answer-tokens", "many"], "lognormal:250,0.8"],
    [["claude", "--tier", "0"], "tier-1"],
    [["claude", "--overloaded-share", "2"], "from 0 to 1"],
    [["gemini"], "unknown command"],
  ])("refuses %j with exit 2 and says what is allowed", async (args, hint) => {
    const { ended, log } = stub(...args);
    expect(await ended).toEqual([2, null]);
    expect(await log).toContain(hint);
  });

  it("says so when the port is taken", async () => {
    const first = stub("ollama");
    const { port } = new URL((await first.ready()).http[0]);
    const { ended, log } = stub("claude", "--port", port);
    expect(await ended).toEqual([1, null]);
    expect(await log).toMatch(/^stub: .*EADDRINUSE/);
  });
});
