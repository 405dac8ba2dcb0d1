import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HubBehaviour } from "./behaviour.ts";
import type { HubEdge } from "./hub-edge.ts";
import { conformanceCases, runConformanceCase, startMemoryHub } from "./testing/index.ts";

const BEHAVIOURS: Record<string, HubBehaviour> = {
  "as the reference": { warts: true, presence: "every-event" },
  mended: { warts: false, presence: "digest" },
};

describe.each(Object.entries(BEHAVIOURS))("a hub in memory, %s", (_name, behaviour) => {
  let hub: HubEdge;
  const broken: unknown[] = [];
  beforeAll(async () => {
    hub = await startMemoryHub({ behaviour, onBroken: (error) => broken.push(error) });
  });
  afterAll(() => hub.close());

  test.each(conformanceCases.map((each) => [each.name, each] as const))("%s", async (_name, each) => {
    const outcome = await runConformanceCase(each, { ws: hub.wsUrl, http: hub.httpUrl });
    expect.soft(outcome.detail).toBe(outcome.status === "not_applicable" ? "this hub runs without rate limits" : "");
    expect(outcome.status).not.toBe("failed");
    expect(broken).toEqual([]);
  });
});
