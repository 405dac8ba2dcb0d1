/** A real Redis for one test file, or several, or a cluster. */
import type { DurabilityLevel } from "@hubscale/hub-runtime";
import type { BackboneChoice } from "@hubscale/hub-sharded";
import { ProcessCare } from "hubscale/machine";
import { provisionRedis, provisionRedisCluster, provisionRedisServers, serverSourcesOf } from "hubscale/provisioning";
import { afterAll, beforeAll } from "vitest";

/** The servers of a test's hub. */
export interface TestEngine {
  readonly care: ProcessCare;
  readonly pids: readonly number[];
  /** As the program of a node takes it. */
  readonly flags: readonly string[];
  /** As a desk takes it. */
  readonly backbone: BackboneChoice;
}

export interface TestRedis extends TestEngine {
  readonly url: string;
  readonly pid: number;
}

/** Starts one before the first test of the file and ends it after the last; read it inside tests only. */
export function redisForTests(durability: DurabilityLevel = "fsync"): TestRedis {
  const redis = {
    url: "",
    pid: 0,
    pids: [] as number[],
    flags: [] as string[],
    care: undefined as unknown as ProcessCare,
    backbone: undefined as unknown as BackboneChoice,
  };
  beforeAll(async () => {
    redis.care = new ProcessCare({ handleSignals: false });
    const provisioned = await provisionRedis({ care: redis.care, sources: serverSourcesOf(process.env), durability });
    if (!provisioned.ok) throw new Error(`${provisioned.refusal.message}; ${provisioned.refusal.nextStep}`);
    redis.url = provisioned.server.url;
    redis.pid = provisioned.server.pid ?? 0;
    redis.pids = [redis.pid];
    redis.flags = ["--redis", redis.url];
    redis.backbone = { engine: "redis", redisUrls: [redis.url], isRedisCluster: false };
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
