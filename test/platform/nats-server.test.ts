/** NATS, for real: found or fetched in a version that can do what is required, started, asked, stopped, gone. */
import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { ProcessCare } from "hubscale/machine";
import { type ProvisionRequest, provisionNats, serverSourcesOf } from "hubscale/provisioning";
import { afterAll, describe, expect, it } from "vitest";
import { leftOf, nothing } from "./leftovers.ts";

const care = new ProcessCare({ handleSignals: false });
afterAll(() => care.close());
const sources = serverSourcesOf(process.env);

async function provision(wish: Partial<ProvisionRequest>) {
  const provisioned = await provisionNats({ care, sources, durability: "fsync", ...wish });
  if (!provisioned.ok) throw new Error(`${provisioned.refusal.message}; ${provisioned.refusal.nextStep}`);
  return provisioned.server;
}

/** The first bytes that a NATS server sends by itself. */
function greeting(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.once("error", reject);
    socket.once("data", (data) => {
      socket.destroy();
      resolve(data.toString("utf8"));
    });
  });
}

describe("provisionNats", () => {
  it("starts two at once that sync, or not, and leaves nothing", { timeout: 180_000 }, async () => {
    const dir = care.temporaryFolder("two");
    const [strict, lax] = await Promise.all([provision({ dir }), provision({ dir, durability: "process" })]);
    expect(strict).toMatchObject({ durability: { verified: "fsync" }, settings: { sync_always: "true" } });
    expect(lax.durability.verified).toBe("process");
    expect(strict.url).not.toBe(lax.url);
    expect(await greeting(strict.url)).toMatch(/^INFO \{.*"jetstream":true/);
    await Promise.all([strict.stop(), lax.stop()]);
    expect(await leftOf({ pids: [strict.pid as number, lax.pid as number], folders: [] })).toEqual(nothing);
    expect(readdirSync(dir)).toEqual([]);
  });

  it("does not take a named server's word for what it cannot see", async () => {
    const running = await provision({});
    const named = { ...sources, natsUrl: running.url };
    const strict = await provisionNats({ care, sources: named, durability: "fsync" });
    expect(strict).toMatchObject({ ok: false, refusal: { code: "durability" } });
    const lax = await provision({ sources: named, durability: "process" });
    expect(lax).toMatchObject({ version: running.version, origin: "HUBSCALE_NATS_URL" });
    await running.stop();
  });

  it("says how to get one when there is none", async () => {
    const none = { ...sources, natsUrl: undefined, path: "/nonexistent", origins: ["path"] as const };
    const refused = await provisionNats({ care, sources: none, durability: "fsync" });
    expect(refused).toMatchObject({ ok: false, refusal: { code: "no_server" } });
    expect(JSON.stringify(refused)).toContain("sudo apt-get install nats-server");
  });
});
