/** The program of a node: what it refuses, and how it ends. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { systemRandomHex } from "@hubscale/hub-runtime";
import { describe, expect, it } from "vitest";
import { natsForTests } from "./start-nats.ts";
import { redisForTests } from "./start-redis.ts";

const redis = redisForTests("process");
const nats = natsForTests("process");
const program = fileURLToPath(import.meta.resolve("@hubscale/hub-sharded/node-main"));

function start(...flags: string[]) {
  const child = spawn(process.execPath, [program, "--port", "0", ...flags], { stdio: ["pipe", "pipe", "pipe"] });
  const ended = Promise.all([once(child, "exit"), text(child.stderr)]).then(([[code], stderr]) => ({
    code: code as number,
    stderr,
  }));
  return { child, ended };
}

const onRedis = (...flags: string[]) => start("--redis", redis.url, "--namespace", `test-${systemRandomHex(4)}`, ...flags);

describe("a node's program", () => {
  it("ends with 2 and one line that names a bad flag", async () => {
    const { code, stderr } = await start("--shards", "none").ended;
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'hub-sharded: --shards must be a whole number from 1 to 256, not "none"\n',
    });
  });

  it("ends with 1 and says what to change when Redis keeps less than it is to promise", async () => {
    const { code, stderr } = await onRedis("--durability", "fsync").ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/appendfsync everysec.*CONFIG SET appendfsync always/);
  });

  it("ends with 1 when no Redis answers", async () => {
    const { code, stderr } = await start("--redis", "redis://127.0.0.1:1").ended;
    expect(code).toBe(1);
    expect(stderr).toContain("no answer from Redis at 127.0.0.1:1");
  });

  it("ends with 1 and says what to change when NATS keeps less than it is to promise, or does not say", async () => {
    const namespace = ["--namespace", `test-${systemRandomHex(4)}`];
    const { code, stderr } = await start(...nats.flags, ...namespace).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/sync_always false, sync_interval 120 s.*sync_interval: always/);
    const silent = nats.flags.filter((flag, index) => flag !== "--nats-monitor" && nats.flags[index - 1] !== "--nats-monitor");
    const unknown = await start(...silent, ...namespace).ended;
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain("--nats-monitor http://host:8222");
  });

  it("ends with 1 when no NATS answers, or one server is to keep three replicas", async () => {
    const absent = await start("--backbone", "nats", "--nats", "nats://127.0.0.1:1").ended;
    expect(absent.code).toBe(1);
    expect(absent.stderr).toContain("no answer from NATS at 127.0.0.1:1");
    const alone = await start(...nats.flags, "--replicas", "3", "--durability", "process").ended;
    expect(alone.code).toBe(1);
    expect(alone.stderr).toContain("--replicas 3 needs a JetStream cluster of at least 3 servers");
  });

  it("starts at a level that Redis does keep, says one line, and ends with its parent", async () => {
    const { child, ended } = onRedis("--durability", "process", "--exit-with-parent");
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const first = await lines.next();
    const ready = JSON.parse(first.value as string) as { ready: boolean; http: [string]; pids: { hub: number[] } };
    expect(ready).toMatchObject({ ready: true, pids: { hub: [child.pid] } });
    const described = await fetch(`${ready.http[0]}/api/describe`);
    expect(await described.json()).toMatchObject({ durability: { verified: "process" } });
    child.stdin.end();
    expect((await ended).code).toBe(0);
    expect((await lines.next()).done).toBe(true);
  });
});
