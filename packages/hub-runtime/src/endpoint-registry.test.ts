import { setImmediate } from "node:timers/promises";
import { LIMITS, type LlmEndpoint, TIMERS } from "@hubscale/protocol";
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
    allowLinkLocal: false,
    isOnline: () => true,
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

/** A store that keeps what it is given; every poll is answered by `isHealthy`. */
function started({
  isHealthy = () => true,
  isOnline = () => true,
}: {
  isHealthy?: (host: string) => boolean;
  isOnline?: () => boolean;
} = {}) {
  const clock = new ManualClock();
  const rows = new Map<string, LlmEndpoint>();
  const registry = new EndpointRegistry({
    clock,
    store: {
      save: async (endpoint) => void rows.set(endpoint.id, endpoint),
      remove: async (id) => rows.delete(id),
      list: async () => [...rows.values()],
    },
    resources: new HostResourceBoard(clock),
    allowLinkLocal: false,
    isOnline,
    probe: async (host) => {
      if (!isHealthy(host)) throw new Error("no answer");
      return { models: [], loadedModels: [] };
    },
    publish: () => void registry.reload(),
    onChange: () => undefined,
    log: () => undefined,
  });
  return { clock, registry, rows };
}

test("one agent may report so many endpoints, and a hub polls so many, also when all are registered at once", async () => {
  const { registry, rows } = started();
  const reported = await Promise.all(
    Array.from({ length: 20 }, (_, port) => registry.register({ host: "gpu", port, name: "a", source: "sidecar" })),
  );
  expect(reported.filter(({ ok }) => ok)).toHaveLength(LIMITS.endpointsPerAgent);
  expect(reported.at(-1)).toMatchObject({ ok: false, detail: "an agent may report at most 8 endpoints" });
  expect(await registry.register({ host: "gpu", port: 0, name: "a", source: "sidecar" })).toMatchObject({ ok: true });
  const added = await Promise.all(
    Array.from({ length: LIMITS.endpoints }, (_, port) =>
      registry.register({ host: "more", port, name: undefined, source: "admin" }),
    ),
  );
  expect(rows.size).toBe(LIMITS.endpoints);
  expect(added.at(-1)).toMatchObject({ ok: false, detail: "the hub polls at most 1000 endpoints: remove one" });
});

test("an agent does not take over an endpoint that is known, and is refused a forbidden address", async () => {
  const { registry } = started();
  await registry.register({ host: "GPU", port: 1, name: "the big one", source: "admin" });
  expect(await registry.register({ host: "gpu", port: 1, name: "a", source: "sidecar" })).toMatchObject({
    endpoint: { name: "the big one", source: "admin" },
  });
  expect(await registry.register({ host: "[::ffff:a9fe:a9fe]", port: 1, name: "a", source: "sidecar" })).toMatchObject({
    ok: false,
  });
});

test.each([
  ["sidecar", false, false, 0],
  ["sidecar", false, true, 1],
  ["sidecar", true, false, 1],
  ["admin", false, false, 1],
] as const)(
  "reported by %s, answering %s, its agent online %s: after an hour %i are left",
  async (source, isHealthy, isOnline, left) => {
    const { clock, registry, rows } = started({ isHealthy: () => isHealthy, isOnline: () => isOnline });
    await registry.register({ host: "gpu", port: 1, name: "a", source });
    for (let polls = 0; polls < 121; polls++) {
      await registry.pollAll();
      expect(rows.size).toBe(polls < 120 ? 1 : left);
      clock.advance(TIMERS.endpointPollEveryMs);
    }
  },
);
