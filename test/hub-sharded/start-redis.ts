/** A real Redis for one test file. */
import type { DurabilityLevel } from "@hubscale/hub-runtime";
import { ProcessCare } from "hubscale/machine";
import { provisionRedis, serverSourcesOf } from "hubscale/provisioning";
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
