import { describe, expect, it } from "vitest";
import { parseNodeFlags } from "./node-flags.ts";

const parse = (...args: string[]) => parseNodeFlags(args, "node-1");

describe("the flags of a node", () => {
  it("have defaults that start a durable, rate-limited node beside a local Redis", () => {
    expect(parse()).toMatchObject({
      ok: true,
      flags: {
        node: "node-1",
        host: "127.0.0.1",
        port: 4000,
        redisUrls: ["redis://127.0.0.1:6379"],
        isRedisCluster: false,
        durability: "fsync",
        rateLimits: "reference",
        leaseMs: 30_000,
        exitWithParent: false,
      },
    });
  });

  it("name several Redis servers, separated by commas", () => {
    expect(parse("--redis", "redis://a:1, redis://b:2")).toMatchObject({
      flags: { redisUrls: ["redis://a:1", "redis://b:2"], isRedisCluster: false },
    });
  });

  it.each([
    [["--port", "70000"], "--port"],
    [["--shards", "0"], "--shards"],
    [["--shards", "two"], "--shards"],
    [["--lease-ms", "10"], "--lease-ms"],
    [["--durability", "maybe"], "--durability"],
    [["--redis", "localhost:6379"], "--redis"],
    [["--redis", "redis://a:1,redis://a:1"], "names a server twice"],
    [["--redis", "redis://a:1,redis://a:2,redis://a:3", "--shards", "2"], "use --shards 3"],
    [["--drain-ms", "soon"], "--drain-ms"],
    [["--retain-completed", "all"], "--retain-completed"],
    [["--backbone", "kafka"], "--backbone"],
    [["--nats", "localhost:4222"], "--nats"],
    [["--nats-monitor", "localhost:8222"], "--nats-monitor"],
    [["--replicas", "0"], "--replicas"],
    [["--namespace", "a:b"], "--namespace"],
    [["--node", "a b"], "--node"],
    [["--nonsense"], "--nonsense"],
    [["stray"], "stray"],
  ])("%j are refused with a line that names the flag", (args, named) => {
    const parsed = parse(...args);
    expect(parsed).toMatchObject({ ok: false, message: expect.stringContaining(named) });
  });
});
