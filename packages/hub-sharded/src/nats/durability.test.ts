import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { durabilityRefusal, readDurability } from "./durability.ts";

const server = (version: string) => ({ version, server_id: "S1", jetstream: true });
const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A monitoring port that says this. */
async function monitor(varz: unknown): Promise<string> {
  const http = createServer((_, response) => response.end(JSON.stringify(varz))).listen(0, "127.0.0.1");
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
