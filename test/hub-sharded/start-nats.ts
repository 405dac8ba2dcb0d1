/** A real NATS for one test file, or a cluster of three. */
import type { DurabilityLevel } from "@hubscale/hub-runtime";
import type { BackboneChoice } from "@hubscale/hub-sharded";
import { ProcessCare } from "hubscale/machine";
import { provisionNatsServers, serverSourcesOf } from "hubscale/provisioning";
import { afterAll, beforeAll } from "vitest";
import type { TestEngine } from "./start-redis.ts";

/** Starts them before the first test of the file and ends them after the last; read it inside tests only. */
export function natsForTests(durability: DurabilityLevel = "fsync", servers = 1, replicas = 1): TestEngine {
  const nats = {
    care: undefined as unknown as ProcessCare,
    pids: [] as number[],
    flags: [] as string[],
    backbone: undefined as unknown as BackboneChoice,
  };
  beforeAll(async () => {
    nats.care = new ProcessCare({ handleSignals: false });
    const request = { care: nats.care, sources: serverSourcesOf(process.env), durability };
    const provisioned = await provisionNatsServers(servers, request);
    if (!provisioned.ok) throw new Error(`${provisioned.refusal.message}; ${provisioned.refusal.nextStep}`);
    const natsUrls = provisioned.servers.map(({ url }) => url);
    const natsMonitors = provisioned.servers.map(({ monitorUrl = "" }) => monitorUrl);
    nats.pids = provisioned.servers.map(({ pid }) => pid ?? 0);
    nats.backbone = { engine: "nats", natsUrls, natsMonitors, replicas };
    const places = ["--nats", natsUrls.join(","), "--nats-monitor", natsMonitors.join(",")];
    nats.flags = ["--backbone", "nats", ...places, "--replicas", String(replicas)];
  });
  afterAll(() => nats.care.close());
  return nats;
}
