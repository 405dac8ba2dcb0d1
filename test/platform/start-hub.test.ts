/** The drivers against real programs: what they refuse, what they leave. */
import { Redis } from "ioredis";
import { type HubEnvironment, parseHubId, startHub } from "hubscale/drivers";
import { ProcessCare } from "hubscale/machine";
import { type ProvisionedServer, provisionRedis, serverSourcesOf } from "hubscale/provisioning";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { leftOf, nothing } from "./leftovers.ts";

const care = new ProcessCare({ handleSignals: false });
const sources = serverSourcesOf(process.env);
let shared: ProvisionedServer;
beforeAll(async () => {
  const provisioned = await provisionRedis({ care, sources, durability: "process" });
  if (!provisioned.ok) throw new Error(provisioned.refusal.message);
  shared = provisioned.server;
});
afterAll(() => care.close());

function start(id: string, wish: Partial<HubEnvironment> = {}) {
  const parsed = parseHubId(id);
  if (!parsed.ok) throw new Error(parsed.problem);
  return startHub(parsed.spec, { care, sources, durability: "fsync", ...wish });
}

async function started(id: string, wish: Partial<HubEnvironment> = {}) {
  const outcome = await start(id, wish);
  if (!outcome.ok) throw new Error(outcome.refusal.message);
  return outcome.hub;
}

describe("startHub", () => {
  it("gives the pids by role and what the hub and its server say of themselves", async () => {
    const hub = await started("sharded-redis@2");
    expect([...hub.roles.keys()].sort()).toEqual(["hub", "redis"]);
    expect(hub.roles.get("hub")).toEqual(hub.nodes.map((node) => node.pid));
    const described = await hub.describe();
    expect(described).toMatchObject({
      hub: "sharded-redis@2",
      durability: { required: "fsync", verified: "fsync" },
      unknown: [],
    });
    expect(described.nodes.map((node) => node.node)).toEqual(["n1", "n2"]);
    expect(described.servers).toMatchObject([{ kind: "redis", settings: { appendfsync: "always" } }]);
    await hub.stop();
    expect(await leftOf({ pids: [...hub.roles.values()].flat(), folders: [] }, 0)).toEqual(nothing);
  });

  it("leaves no key in a Redis that it was given, and that one running", async () => {
    const named = { sources: { ...sources, redisUrl: shared.url }, durability: "process" } as const;
    const hub = await started("sharded-redis@1", named);
    const answer = await fetch(`${hub.http[0]}/api/onboard/register`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ agent_id: "a1" }),
    });
    expect(answer.status).toBe(201);
    const client = new Redis(shared.url);
    expect(await client.dbsize()).toBeGreaterThan(0);
    await hub.stop();
    expect(await client.keys("*")).toEqual([]);
    client.disconnect();
  });

  it("refuses a store that keeps less than required", async () => {
    const outcome = await start("sharded-redis@1", { sources: { ...sources, redisUrl: shared.url } });
    expect(outcome).toMatchObject({ ok: false, refusal: { code: "durability" } });
  });

  it("shows what a program said before it failed", async () => {
    await expect(start("single-tuned", { rateLimits: "/nonexistent/limits.json" })).rejects.toThrow(
      /ended at its start[^]*limits/,
    );
  });

  it("knows little of an external hub, and says so", async () => {
    const single = await started("single-tuned");
    const target = { ws: single.ws[0] as string, http: single.http[0] as string };
    const external = await started("external", { target });
    expect([...external.roles]).toEqual([]);
    const described = await external.describe();
    expect(described.durability.verified).toBe("fsync");
    expect(described.unknown).not.toEqual([]);
    await external.stop();
    expect((await fetch(`${target.http}/api/describe`)).status).toBe(200);
    await single.stop();
    expect(await start("external")).toMatchObject({ ok: false, refusal: { code: "no_target" } });
  });

  it("has a hub that does nothing", async () => {
    const hub = await started("null");
    expect(hub.ws[0]).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/ws$/);
    await hub.stop();
  });
});
