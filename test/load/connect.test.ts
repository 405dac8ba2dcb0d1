import { startMemoryHub } from "@hubscale/hub-runtime/testing";
import { systemClock } from "@hubscale/sidecar-sim";
import { LoadGenerator, startNullHub } from "hubscale/load";
import { afterEach, expect, test } from "vitest";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const behaviour = {
  workTime: { kind: "constant", ms: 0 },
  progress: null,
  failure: { share: 0, as: "failed" },
  outputChars: 0,
} as const;

function connect(
  hub: { wsUrl: string; httpUrl: string },
  options: { known?: Map<string, string>; signal?: AbortSignal; notes?: string[]; agents?: number } = {},
) {
  return LoadGenerator.connect(
    {
      ws: [hub.wsUrl],
      http: [hub.httpUrl],
      agents: options.agents ?? 3,
      seed: 1,
      behaviour,
      timeScale: 1,
      prefix: "c",
      httpConnections: 1,
      limitMs: 5_000,
    },
    {
      clock: systemClock,
      note: (text) => options.notes?.push(text),
      ...(options.known ? { known: options.known } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
    },
  );
}

test("a hub that is not there is unreachable", async () => {
  const hub = await startNullHub({ port: 0 });
  await hub.close();
  expect(await connect(hub)).toMatchObject({ ok: false, code: "unreachable" });
});

test("a limited registration waits as the hub asks, says so, and goes on", async () => {
  const hub = await startNullHub({ port: 0, registrationsFree: 2 });
  closers.push(() => hub.close());
  const notes: string[] = [];
  const connected = await connect(hub, { notes });
  if (!connected.ok) throw new Error(connected.detail);
  closers.push(() => connected.generator.close());
  expect(connected.tokens.size).toBe(4);
  expect(notes).toHaveLength(1);
  expect(notes[0]).toMatch(/limits registrations: \d of 4 done, waiting 1 s/);
});

test("known agents come back with their tokens; without them the hub says that the id is taken", async () => {
  const hub = await startMemoryHub();
  closers.push(() => hub.close());
  const first = await connect(hub);
  if (!first.ok) throw new Error(first.detail);
  await first.generator.close();
  expect(await connect(hub)).toMatchObject({ ok: false, code: "agent_id_taken", detail: expect.stringMatching(/^c-/) });
  const again = await connect(hub, { known: first.tokens });
  if (!again.ok) throw new Error(again.detail);
  expect(again.generator.fleet.online).toBe(3);
  await again.generator.close();
});

test("a token that the hub does not know is final", async () => {
  const hub = await startMemoryHub();
  closers.push(() => hub.close());
  const known = new Map(["c-0", "c-1", "c-2", "c-submitter"].map((id) => [id, "0".repeat(64)]));
  expect(await connect(hub, { known })).toMatchObject({
    ok: false,
    code: "turned_away",
    detail: expect.stringContaining("invalid_token"),
  });
});

test("the signal ends a wait for registrations", async () => {
  const hub = await startMemoryHub({ rateLimits: "reference" });
  closers.push(() => hub.close());
  const stop = new AbortController();
  const notes: string[] = [];
  const connecting = connect(hub, { signal: stop.signal, notes, agents: 30 });
  while (notes.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  stop.abort();
  expect(await connecting).toMatchObject({ ok: false, code: "stopped" });
});
