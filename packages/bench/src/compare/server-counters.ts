/** What a backbone's server has counted of its own work since its start. */
import { Redis } from "ioredis";
import type { ProvisionedServer } from "../provisioning/index.ts";

/** Empty where the server cannot be asked. Names begin with the server's kind. */
export async function serverCounters(server: ProvisionedServer): Promise<Record<string, number>> {
  if (server.kind === "redis") return redisCounters(server.url);
  return server.monitorUrl === undefined ? {} : natsCounters(server.monitorUrl);
}

async function redisCounters(url: string): Promise<Record<string, number>> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  try {
    await client.connect();
    return countersOfInfo(await client.info());
  } finally {
    client.disconnect();
  }
}

/** From the text of `INFO`. Redis does not count its fsyncs. */
export function countersOfInfo(info: string): Record<string, number> {
  const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? Number.NaN);
  return finite({
    "redis.commands": field("total_commands_processed"),
    "redis.netInBytes": field("total_net_input_bytes"),
    "redis.netOutBytes": field("total_net_output_bytes"),
    "redis.delayedFsyncs": field("aof_delayed_fsync"),
  });
}

async function natsCounters(monitorUrl: string): Promise<Record<string, number>> {
  const answer = await fetch(`${monitorUrl}/varz`);
  const varz = (await answer.json()) as Partial<Record<"in_msgs" | "out_msgs" | "in_bytes" | "out_bytes", number>>;
  return finite({
    "nats.msgsIn": varz.in_msgs,
    "nats.msgsOut": varz.out_msgs,
    "nats.netInBytes": varz.in_bytes,
    "nats.netOutBytes": varz.out_bytes,
  });
}

function finite(counters: Record<string, number | undefined>): Record<string, number> {
  return Object.fromEntries(Object.entries(counters).filter((entry): entry is [string, number] => Number.isFinite(entry[1])));
}
