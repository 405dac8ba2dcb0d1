/** A real Redis for one test file, or several, or a cluster. */
import type { DurabilityLevel } from "@hubscale/hub-runtime";
import { ProcessCare } from "hubscale/machine";
import { provisionRedis, provisionRedisCluster, provisionRedisServers, serverSourcesOf } from "hubscale/provisioning";
import { afterAll, beforeAll } from "vitest";

export interface TestRedis {
  readonly url: string;
  readonly pid: number;
  readonly care: ProcessCare;
}

/** Starts one before the first test of the file and ends it after the last; read it inside tests only. */
export function redisForTests(durability: DurabilityLevel = "fsync"): TestRedis {
  const redis = { url: "", pid: 0, care: undefined as unknown as ProcessCare };
  beforeAll(async () => {
    redis.care = new ProcessCare({ handleSignals: false });
    const provisioned = await provisionRedis({ care: redis.care, sources: serverSourcesOf(process.env), durability });
    if (!provisioned.ok) throw new Error(`${provisioned.refusal.message}; ${provisioned.refusal.nextStep}`);
    redis.url = provisioned.server.url;
    redis.pid = provisioned.server.pid ?? 0;
  });
  afterAll(() => redis.care.close());
  return redis;
}

export interface TestServers {
  readonly care: ProcessCare;
  readonly urls: readonly string[];
  readonly pids: readonly number[];
  /** As the program of a node takes it. */
  readonly flags: readonly string[];
}

/** Separate servers, or one cluster of them; from before the first test until after the last. */
export function redisServersForTests(count: number, kind: "separate" | "cluster"): TestServers {
  const test = { care: undefined as unknown as ProcessCare, urls: [] as string[], pids: [] as number[], flags: [] as string[] };
  beforeAll(async () => {
    test.care = new ProcessCare({ handleSignals: false });
    const request = { care: test.care, sources: serverSourcesOf(process.env), durability: "fsync" } as const;
    const provisioned = await (kind === "cluster" ? provisionRedisCluster : provisionRedisServers)(count, request);
    if (!provisioned.ok) throw new Error(`${provisioned.refusal.message}; ${provisioned.refusal.nextStep}`);
    test.urls = provisioned.servers.map(({ url }) => url);
    test.pids = provisioned.servers.map(({ pid }) => pid ?? 0);
    test.flags = ["--redis", test.urls.join(","), ...(kind === "cluster" ? ["--redis-cluster"] : [])];
  });
  afterAll(() => test.care.close());
  return test;
}
