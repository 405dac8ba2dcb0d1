import { setImmediate } from "node:timers/promises";
import type { LlmEndpoint } from "@hubscale/protocol";
import { expect, test } from "vitest";
import { PROBES_AT_ONCE } from "./endpoint-probe.ts";
import { EndpointRegistry } from "./endpoint-registry.ts";
import { HostResourceBoard } from "./host-resources.ts";
import { ManualClock } from "./testing/manual-clock.ts";

const COUNT = 3 * PROBES_AT_ONCE;

function stored(host: string): LlmEndpoint {
  const rest = {
    name: host,
    source: "api",
    status: "unknown",
    models: [],
    loaded_models: [],
    registered_at: 0,
    last_checked_at: null,
  };
  return { id: `${host}:1`, host, port: 1, ...rest } as LlmEndpoint;
}

test("asks so many endpoints at a time, each once, however many there are and however often it is to", async () => {
  const clock = new ManualClock();
  const hosts = Array.from({ length: COUNT }, (_, index) => `host-${index}`);
  const answers: (() => void)[] = [];
  const asked: string[] = [];
  const registry = new EndpointRegistry({
    clock,
    store: { save: async () => undefined, remove: async () => false, list: async () => hosts.map(stored) },
    resources: new HostResourceBoard(clock),
    probe: (host) => {
      asked.push(host);
      return new Promise((resolve) => answers.push(() => resolve({ models: [], loadedModels: [] })));
    },
    publish: () => undefined,
    onChange: () => undefined,
    log: () => undefined,
  });
  await registry.reload();
  const polled = [registry.pollAll(), registry.pollAll()];
  for (let answered = 0; answered < COUNT; answered++) {
    await setImmediate();
    expect(asked.length - answered).toBe(Math.min(PROBES_AT_ONCE, COUNT - answered));
    answers[answered]?.();
  }
  await Promise.all(polled);
  expect(asked).toEqual(hosts);
  expect(registry.views().filter(({ healthy }) => healthy)).toHaveLength(COUNT);
});
