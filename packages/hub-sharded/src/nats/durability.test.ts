import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { durabilityRefusal, readDurability } from "./durability.ts";

const server = (version: string) => ({ version, server_id: "S1", jetstream: true });
const ALWAYS = { sync_always: true };
/** Nobody listens there. */
const DOWN = "http://127.0.0.1:1";
const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A monitoring port that says this, of a server with routes to these. */
async function monitor(varz: unknown, routes: readonly string[] = []): Promise<string> {
  const routez = { routes: routes.map((id) => ({ remote_id: id, remote_name: `name of ${id}` })) };
  const http = createServer(({ url }, response) => {
    response.end(JSON.stringify(url === "/varz" ? varz : routez));
  }).listen(0, "127.0.0.1");
  closers.push(() => http.close());
  await once(http, "listening");
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}

const varz = (config: unknown, server_id = "S1") => ({ server_id, version: "2.10.27", jetstream: { config } });

describe("the durability of a NATS", () => {
  it("is fsync when every server syncs always, and one of them is that of the connection", async () => {
    const monitors = [await monitor(varz({ sync_always: true })), await monitor(varz({ sync_always: true }, "S2"))];
    const found = await readDurability(server("2.10.27"), monitors);
    expect(found.level).toBe("fsync");
    expect(durabilityRefusal("fsync", found)).toBeUndefined();
  });

  it("is process when one server does not, or does not answer, or is another one", async () => {
    const always = await monitor(varz({ sync_always: true }));
    const lax = await monitor(varz({ sync_interval: 120e9 }, "S2"));
    const other = await monitor(varz({ sync_always: true }, "S9"));
    for (const monitors of [[always, lax], [always, "http://127.0.0.1:1"], [other], []]) {
      const found = await readDurability(server("2.10.27"), monitors);
      expect(found.level).toBe("process");
      expect(durabilityRefusal("process", found)).toBeUndefined();
      expect(durabilityRefusal("fsync", found)).toMatch(/Remedy: /);
    }
  });

  it("of replicated streams is that of a majority, while the servers that do not answer are down", async () => {
    const up = [await monitor(varz(ALWAYS), ["S2"]), await monitor(varz(ALWAYS, "S2"), ["S1"])];
    const found = await readDurability(server("2.10.27"), [...up, DOWN], 3);
    expect(found.level).toBe("fsync");
    expect(found.unanswered).toEqual([DOWN]);
    expect(found.how).toMatch(/127.0.0.1:1 does not answer.*verified for the 2 of 3 servers that are up/);
  });

  it("is process where fewer answer, where one is named twice, where one that is up does not answer, and without replicas", async () => {
    const first = await monitor(varz(ALWAYS), ["S2"]);
    const second = await monitor(varz(ALWAYS, "S2"), ["S1"]);
    const besideThird = await monitor(varz(ALWAYS, "S2"), ["S1", "S3"]);
    const cases: [string[], number, RegExp][] = [
      [[first, DOWN, DOWN], 3, /2 of 3 monitoring ports must/],
      [[first, first, DOWN], 3, /2 of 3 monitoring ports must/],
      [[first, second, DOWN], 1, /3 of 3 monitoring ports must/],
      [[first, besideThird, DOWN], 3, /name of S3: up, and its monitoring port does not answer.*--nats-monitor/],
    ];
    for (const [monitors, replicas, words] of cases) {
      const found = await readDurability(server("2.10.27"), monitors, replicas);
      expect(found.level).toBe("process");
      expect(durabilityRefusal("fsync", found)).toMatch(words);
    }
  });

  it("names the version that is needed when the server is too old to sync", async () => {
    const found = await readDurability(server("2.9.10"), []);
    expect(found.level).toBe("process");
    expect(durabilityRefusal("fsync", found)).toMatch(/2\.9\.10 cannot sync.*2\.10 or newer.*sync_interval: always/);
  });

  it("is none for versions that lose streams when they are killed, and without JetStream", async () => {
    expect(durabilityRefusal("process", await readDurability(server("2.10.21"), []))).toContain("2.10.23 or newer");
    expect((await readDurability({ ...server("2.10.27"), jetstream: false }, [])).level).toBeUndefined();
  });
});
