/** Redis, for real: found or fetched, started, asked, stopped, gone. */
import { existsSync, readdirSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { ProcessCare } from "hubscale/machine";
import { type ProvisionedServer, type ProvisionRequest, provisionRedis, serverSourcesOf } from "hubscale/provisioning";
import { afterAll, describe, expect, it } from "vitest";
import { leftOf, nothing } from "./leftovers.ts";

const care = new ProcessCare({ handleSignals: false });
afterAll(() => care.close());
const sources = serverSourcesOf(process.env);

async function provision(wish: Partial<ProvisionRequest>): Promise<ProvisionedServer> {
  const provisioned = await provisionRedis({ care, sources, durability: "fsync", ...wish });
  if (!provisioned.ok) throw new Error(`${provisioned.refusal.message}; ${provisioned.refusal.nextStep}`);
  return provisioned.server;
}

async function refusalOf(wish: Partial<ProvisionRequest>) {
  const provisioned = await provisionRedis({ care, sources, durability: "fsync", ...wish });
  if (!provisioned.ok) return provisioned.refusal;
  await provisioned.server.stop();
  throw new Error("it was provisioned");
}

async function ask<T>(url: string, question: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url);
  try {
    return await question(client);
  } finally {
    client.disconnect();
  }
}

describe("provisionRedis", () => {
  it("starts two at once, each with its own port, data and durability, and leaves nothing", async () => {
    const dir = care.temporaryFolder("two");
    const [strict, lax] = await Promise.all([provision({ dir }), provision({ dir, durability: "process" })]);
    expect(strict.url).not.toBe(lax.url);
    expect(strict.durability.verified).toBe("fsync");
    expect(lax.durability.verified).toBe("process");
    expect(await ask(strict.url, (client) => client.config("GET", "appendfsync"))).toEqual(["appendfsync", "always"]);
    expect(await ask(lax.url, (client) => client.config("GET", "appendfsync"))).toEqual(["appendfsync", "everysec"]);
    expect(await ask(strict.url, (client) => client.config("GET", "bind"))).toEqual(["bind", "127.0.0.1"]);
    await ask(strict.url, (client) => client.set("only", "here"));
    expect(await ask(lax.url, (client) => client.get("only"))).toBeNull();
    expect(strict.configText).toContain("maxmemory-policy noeviction");
    expect(strict.version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(readdirSync(dir)).toHaveLength(2);
    await Promise.all([strict.stop(), lax.stop()]);
    expect(await leftOf({ pids: [strict.pid as number, lax.pid as number], folders: [] })).toEqual(nothing);
    expect(readdirSync(dir)).toEqual([]);
  });

  it("keeps a folder that it is given, and finds its data again", async () => {
    const keptFolder = join(care.temporaryFolder("kept"), "redis");
    const first = await provision({ keptFolder });
    await ask(first.url, (client) => client.set("task", "1"));
    await first.stop();
    const second = await provision({ keptFolder });
    expect(await ask(second.url, (client) => client.get("task"))).toBe("1");
    await second.stop();
    expect(existsSync(keptFolder)).toBe(true);
  });

  it("uses a server that is named by its URL as it is, and leaves it running", async () => {
    const running = await provision({});
    const named = await provision({ sources: { ...sources, redisUrl: running.url } });
    expect(named).toMatchObject({ url: running.url, origin: "HUBSCALE_REDIS_URL", configText: "" });
    await named.stop();
    expect(await ask(running.url, (client) => client.ping())).toBe("PONG");
    await running.stop();
  });

  it("refuses a named server that gives less than required, by what that server says", async () => {
    const running = await provision({ durability: "process" });
    const refusal = await refusalOf({ sources: { ...sources, redisUrl: running.url } });
    expect(refusal).toMatchObject({ code: "durability" });
    expect(refusal.message).toContain("appendfsync everysec");
    await ask(running.url, (client) => client.config("SET", "appendonly", "no"));
    expect(await refusalOf({ durability: "process", sources: { ...sources, redisUrl: running.url } })).toMatchObject({
      code: "durability",
    });
    await running.stop();
  });

  it("refuses a named server that evicts keys, at every level", async () => {
    const running = await provision({});
    await ask(running.url, (client) => client.config("SET", "maxmemory", "1gb"));
    await ask(running.url, (client) => client.config("SET", "maxmemory-policy", "allkeys-lru"));
    for (const durability of ["fsync", "process"] as const) {
      const refusal = await refusalOf({ durability, sources: { ...sources, redisUrl: running.url } });
      expect(refusal).toMatchObject({ code: "durability", verified: null });
      expect(refusal.message).toContain("maxmemory-policy allkeys-lru");
      expect(refusal.nextStep).toContain("maxmemory-policy noeviction");
    }
    await running.stop();
  });

  it("says how to get one when there is none", async () => {
    const refusal = await refusalOf({ sources: { ...sources, redisUrl: undefined, path: "/nonexistent", origins: ["path"] } });
    expect(refusal.code).toBe("no_server");
    expect(refusal.nextStep).toContain("sudo apt-get install redis-server");
    expect(refusal.nextStep).toContain("HUBSCALE_REDIS_URL");
  });
});

describe.runIf(existsSync("/usr/bin/apt-get"))("Redis from the distribution's packages", () => {
  it("is fetched by two at once into an empty cache, and again when the cache is broken", { timeout: 180_000 }, async () => {
    const cacheFolder = care.temporaryFolder("cache");
    const told: string[] = [];
    const wish = {
      sources: { ...sources, redisUrl: undefined, cacheFolder, origins: ["debian"] as const },
      tell: (line: string) => told.push(line),
    };
    const both = await Promise.all([provision(wish), provision(wish)]);
    expect(both.map((server) => server.durability.verified)).toEqual(["fsync", "fsync"]);
    await Promise.all(both.map((server) => server.stop()));
    expect(told).not.toEqual([]);
    expect(readdirSync(cacheFolder)).toEqual(["debian"]);

    told.length = 0;
    await (await provision(wish)).stop();
    expect(told).toEqual([]);

    const [release = ""] = readdirSync(join(cacheFolder, "debian"));
    truncateSync(join(cacheFolder, "debian", release, "redis-server/usr/bin/redis-check-rdb"), 1_000);
    await (await provision(wish)).stop();
    expect(told).not.toEqual([]);
  });
});
